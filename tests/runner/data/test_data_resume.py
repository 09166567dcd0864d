"""A preparation that is cut off goes on where it was, and its store is one that was made in peace."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from runner.data.sources import Document, Entry, Found, Piece, Skipped, find_source
from runner.data.sources.files import Files
from runner.data.stores import batches, cuts, finish, make
from runner.data.stores import split as splitting
from runner.data.stores.make import Maker, Origin, make_store
from runner.data.stores.partial import making, sweep
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store, open_store
from runner.data.stores.writer import StoreWriter
from runner.data.tokenizers.byte import ByteTokenizer
from schema.environment import Fields
from schema.sections.data import Data, Source
from tests.runner.data.listener import Listener
from tests.runner.data.written_store import belongs_to_val

WINDOW = 256  # characters, for a quarter of a million
FAILED = 255  # the exit code of a process that was to be cut off
EVENTS: dict[Any, tuple[str, ...]] = {
    StoreWriter: ("_append", "_finish_documents", "_write_spans", "flush", "_copy", "trim", "close"),
    finish: ("_divide_tokens", "_divide_offsets", "divide_spans", "_describe"),
    splitting: ("_move_tokens", "spans_of_runs"),
    make.Progress: ("note",),
    Path: ("rename", "replace", "unlink"),
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches, pieces and windows of a few hundred characters, noted one by one."""
    monkeypatch.setattr(batches, "BATCH_CHARACTERS", WINDOW)
    monkeypatch.setattr(batches, "PIECE_CHARACTERS", WINDOW)
    monkeypatch.setattr(cuts.Cutter.__init__, "__kwdefaults__", {"continued": False, "window": WINDOW, "context": 32})
    monkeypatch.setattr(make, "NOTE_SECONDS", 0.0)
    monkeypatch.setattr(make, "NOTED_BYTES", 0)


def texts(number: int, words: int) -> list[str]:
    """Texts of val and of train, in turn."""
    found: dict[bool, list[str]] = {True: [], False: []}
    wanted = number // 2 + 1
    candidates = (f"text {i} " + "word and word " * words for i in range(100_000))
    while min(map(len, found.values())) < wanted:
        text = next(candidates)
        found[belongs_to_val(text)].append(text)
    return [each for pair in zip(found[True], found[False], strict=False) for each in pair][:number]


class Told:
    """A source of a few entries of all kinds: short texts, long ones whole and in pieces, what is left out."""

    name, total, has_records = "told", 100, True

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    def fingerprints(self) -> tuple[str, ...]:
        return (hashlib.sha256(repr(self.entries).encode()).hexdigest(),)

    def stamp(self) -> str:
        return self.fingerprints()[0]

    def reading(self, first: tuple[str, ...]) -> dict[str, str]:
        return dict(zip(("prompt", "completion"), first, strict=False))

    def documents(self, start: int = 0) -> Iterator[Entry]:
        return islice(iter(self.entries), start, None)


def entries() -> list[Entry]:
    fields = Fields({"prompt": "q"}, ("q", "a"), ("u",), (), False)
    long, others = texts(4, 60), texts(24, 1)
    pieces = [
        Piece(long[0][i : i + 100], "x", 20 + i // 100, i + 100 >= len(long[0])) for i in range(0, len(long[0]), 100)
    ]
    return [
        *(Document("ask " if i % 2 else "", text, f"x:{i}", i) for i, text in enumerate(others[:10])),
        Skipped("too odd", "y", 11),
        *pieces,
        Document("", "", "empty", 60),
        Document(long[2], long[3], "z", 61),
        Document("", long[1], "z", 61),
        Document("", long[1], "a long copy", 61),
        Document("", others[8], "a copy", 61),
        Document("ask ", others[8], "another one", 61),
        *(Document("", text, f"z:{i}", 62 + i) for i, text in enumerate(others[10:])),
        Found(fields, 100),
    ]


def made(folder: Path, source: Any, listener: Listener | None = None) -> Store:
    origin = Origin(source, source.fingerprints()[0], source.stamp(), ())
    with making(folder, lambda: None) as partial:
        make_store(
            partial, folder, "", origin, Maker(ByteTokenizer(), None, deduplicate="exact"), listener or Listener()
        )
    return open_store(folder)


def content(folder: Path) -> dict[str, str]:
    """Digests of all files of a store; stamps are those of their files."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    meta = json.loads((folder / "meta.json").read_text())
    for split in meta["splits"].values():
        for file in split["files"].values():
            del file["stamp"]
    del meta["sha256"], meta["stamp"]
    return {**found, "meta.json": json.dumps(meta)}


def cut_off(moment: int, action: Callable[[], object]) -> int:
    """Do something in a process that ends, without another word, at the write event of this number.

    Returns how many of them there were where it was not reached, fewer than FAILED; else 0.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other threads of this process have nothing to do with it
        child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status != FAILED
        return status
    seen = 0

    def watched(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == moment:
                os._exit(0)
            return function(*arguments, **options)

        return call

    try:  # this process must not come back as another pytest, whatever fails
        for owner, names in EVENTS.items():
            for name in names:
                setattr(owner, name, watched(getattr(owner, name)))
        action()
        os._exit(min(seen, FAILED - 1))
    except BaseException:
        traceback.print_exc()
        os._exit(FAILED)


KINDS: dict[str, Callable[[], list[Entry]]] = {
    "both splits": entries,
    "a long text of train": lambda: [Document("", texts(2, 60)[1], "x", 100)],
    "few texts of train": lambda: [Document("", text, text[:7], 50) for text in texts(60, 9)[1::2]],
    "a long text of val": lambda: [Document("", texts(2, 60)[0], "x", 100)],
}


def check_every(step: int, kind: str, folder: Path) -> None:
    """Cut a preparation off at every `step`th event, and once more, and go on; the store must be that of peace."""
    source = Told(KINDS[kind]())
    peace = content(made(folder / "peace", source).folder)
    events = cut_off(0, lambda: made(folder / "counted", source))
    continued, moments = 0, range(1, events + 1, step)
    for moment in moments:
        place = folder / f"s{moment}"
        for again in (moment, moment // 2 + 1):
            cut_off(again, lambda place=place: None if (place / "meta.json").exists() else made(place, source))
        listener = Listener()
        if not (place / "meta.json").exists():
            made(place, source, listener)
        sweep(place)
        assert content(place) == peace, moment
        continued += any("continuing at" in sentence for sentence in listener.sentences)
    assert continued >= len(moments) // 3
    assert not list(folder.glob(".partial*"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_is_the_same_wherever_its_making_was_cut_off(kind: str, tmp_path: Path) -> None:
    check_every(29, kind, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_a_store_is_the_same_wherever_its_making_was_cut_off_by_every_event(kind: str, tmp_path: Path) -> None:
    check_every(1, kind, tmp_path)


def test_an_interrupt_loses_nothing_and_another_source_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "NOTE_SECONDS", 1e9)
    source, folder, listener = Told(entries()), tmp_path / "told", Listener()

    class Interrupted(Told):
        def documents(self, start: int = 0) -> Iterator[Entry]:
            yield from islice(super().documents(start), 30)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(folder, Interrupted(source.entries))
    assert [path.name for path in tmp_path.iterdir()] == [".partial-told"]
    made(folder, source, listener)
    assert re.fullmatch(r"dataset 'told': continuing at \d+ %", listener.sentences[0])
    assert content(folder) == content(made(tmp_path / "peace", source).folder)
    with pytest.raises(KeyboardInterrupt):
        made(folder, Interrupted(source.entries))
    listener = Listener()
    made(folder, Told(source.entries[5:]), listener)
    assert not any("continuing" in sentence for sentence in listener.sentences)
    assert sum(split.documents for split in open_store(folder).meta.splits.values()) == 23
    assert "dataset 'told': 4 entries were left out: 2 copied from an earlier entry (a long copy, a copy), " in "".join(
        listener.sentences
    )


@pytest.mark.parametrize("change", ["appears", "goes", "is renamed"])
def test_what_lies_beside_the_files_may_change_before_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    texts, beside = tmp_path / "texts", tmp_path / "texts" / "notes.rst"
    texts.mkdir()
    (texts / "x.jsonl").write_text("".join(json.dumps({"text": f"a text {i}"}) + "\n" for i in range(100)))
    data = Data(root=str(tmp_path / "stores"), sources={"x": Source(path=str(texts))}, workers=1)

    def prepare() -> Store:
        return prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=Listener())

    def interrupted(files: Files, start: int = 0) -> Iterator[Entry]:
        yield from islice(whole(files, start), 60)
        raise KeyboardInterrupt

    if change != "appears":
        beside.touch()
    whole = Files.documents
    with monkeypatch.context() as patch:
        patch.setattr(Files, "documents", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare()
    match change:
        case "appears":
            beside.touch()
        case "goes":
            beside.unlink()
        case _:
            beside.rename(texts / "other.rst")
    found = content(prepare().folder)
    shutil.rmtree(tmp_path / "stores")
    assert found == content(prepare().folder)


@pytest.mark.parametrize("completion", ["", " \n", "yes"])
def test_a_long_prompt_is_left_out_as_a_short_one_where_nothing_follows(tmp_path: Path, completion: str) -> None:
    found = []
    for prompt in ("ask", "ask " * WINDOW):
        entries: list[Entry] = [Document(prompt, completion, "x:1", 50), Document("", "a text", "x:2", 100)]
        store = made(tmp_path / str(len(prompt)), Told(entries))
        found.append((store.meta.skipped, sum(split.documents for split in store.meta.splits.values())))
    assert found[0] == found[1]
    assert found[0][1] == (2 if completion.strip() else 1)


def test_a_second_process_waits_and_uses_the_store_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"text": f"a text {i}"}) + "\n" for i in range(100)))
    data, listener = Data(root=str(tmp_path / "stores"), sources={"x": Source(path=str(path))}), Listener()

    def prepare() -> Store:
        return prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=listener)

    with ThreadPoolExecutor(1) as other, making(tmp_path / "stores" / "x", lambda: None) as partial:
        waiting = other.submit(prepare)
        while not listener.sentences:
            time.sleep(0.01)
        assert listener.sentences == ["dataset 'x': another process prepares it; waiting"]
        source = find_source("x", data)
        assert source is not None
        origin = Origin(source, source.fingerprints()[0], source.stamp(), ())
        make_store(partial, tmp_path / "stores" / "x", "", origin, Maker(ByteTokenizer(), None), listener)
    assert waiting.result(10).digest == open_store(tmp_path / "stores" / "x").digest
    assert len(listener.sentences) == 2  # nothing was made again
    assert sorted(path.name for path in (tmp_path / "stores").iterdir()) == ["x"]
    assert not {"progress.json", ".lock"} & {path.name for path in (tmp_path / "stores" / "x").iterdir()}
