"""A source of several paths, and of files of their own to validate on."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from runner.data.sources import Dialogue, Document, Skipped
from runner.data.sources.files import Files, open_files
from runner.data.stores.display import Silent
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store
from runner.data.tokenizers.byte import ByteTokenizer
from runner.failure import Failure
from schema.sections.data import Data, Source


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with three files of pairs, one of them packed."""
    monkeypatch.chdir(tmp_path)
    for name in ("b", "a", "c"):
        lines = "".join(json.dumps({"prompt": f"{name}{n}?", "completion": f"{name}{n}!"}) + "\n" for n in range(80))
        (tmp_path / f"{name}.jsonl").write_text(lines)
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((tmp_path / "c.jsonl").read_bytes()))
    (tmp_path / "c.jsonl").unlink()
    return tmp_path


def source(path: str | list[str], **keys: object) -> Files:
    return open_files("x", Source.model_validate({"path": path} | keys))


def firsts(files: Files) -> list[str]:
    """The first letters of prompts, where they change."""
    letters = [entry.prompt[0] for entry in files.documents() if isinstance(entry, Document)]
    return [letter for before, letter in zip(["", *letters], letters, strict=False) if letter != before]


def prepare(root: Path, files: Files) -> Store:
    data = Data(root=str(root), sources={"x": files.section}, workers=1)
    return prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=Silent())


def test_several_paths_are_read_in_the_order_in_which_they_are_written(here: Path) -> None:
    assert firsts(source(["b.jsonl", "a.jsonl", "*.gz"])) == ["b", "a", "c"]
    assert firsts(source(["c*", "."])) == ["c", "a", "b"]
    twice = source(["b.jsonl", "./b.jsonl", "a.jsonl"])
    assert [entry for entry in twice.documents() if isinstance(entry, Skipped)] == [
        Skipped("named by an earlier path already", "b.jsonl", 0)
    ]
    with pytest.raises(Failure, match=r"^data/sources/x/path\[1\]: 'gone.csv' does not exist"):
        source(["b.jsonl", "gone.csv"])


def test_a_list_is_what_its_files_hold(here: Path) -> None:
    def print_of(path: str | list[str], **keys: object) -> str:
        return source(path, **keys).fingerprints()[0]

    assert print_of(["a.jsonl"]) == print_of("a.jsonl")
    assert print_of(["a.jsonl", "b.jsonl"]) == print_of("*.jsonl")
    assert print_of(["b.jsonl", "a.jsonl"]) != print_of("*.jsonl")
    others = [{"validation": "b.jsonl"}, {"numbers_as_text": True}, {"validation": ["b.jsonl", "c*"]}]
    assert len({print_of("a.jsonl"), *(print_of("a.jsonl", **keys) for keys in others)}) == 4
    assert source("a.jsonl", validation="b.jsonl").stamp() != source(["a.jsonl", "b.jsonl"]).stamp()
    assert print_of("a.jsonl", validation="b.jsonl") != print_of(["a.jsonl", "b.jsonl"])


def test_files_to_validate_on_are_the_validation_split(here: Path) -> None:
    store = prepare(here / "s", source(["b.jsonl", "a.jsonl"], validation="c*"))
    assert {split: found.documents for split, found in store.meta.splits.items()} == {"train": 160, "val": 80}
    again = prepare(here / "s", source(["b.jsonl", "a.jsonl"], validation="c*"))
    assert again.digest == store.digest
    (here / "one.txt").write_text("all of it to train on. " * 100)
    (here / "long.md").write_text("all of it to validate on. " * 100_000)
    store = prepare(here / "t", source("one.txt", validation="long.md"))
    assert [store.meta.splits[split].tokens for split in ("train", "val")] == [2301, 2_600_001]


def test_what_can_not_be_divided_is_refused(here: Path) -> None:
    with pytest.raises(Failure, match=r"^data/sources/x/validation: 'a.jsonl' is named by path, too"):
        source("*.jsonl", validation=["c*", "a.jsonl"])
    with pytest.raises(Failure, match=r"^data/sources/x/validation: 'none' does not exist"):
        source("*.jsonl", validation="none")
    (here / "empty.jsonl").write_text('{"prompt": "a", "completion": ""}\n')
    with pytest.raises(Failure, match="to train on, or to validate on, teaches nothing"):
        prepare(here / "s", source("a.jsonl", validation="empty.jsonl"))
    (here / "other.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(Failure, match="make all records of a source alike"):
        prepare(here / "s", source("a.jsonl", validation="other.jsonl"))


def test_fields_inside_fields_are_named_with_dots(here: Path) -> None:
    record = {"id": 1, "qa": {"q": "1?", "a": "1!", "note": "none"}, "turns": [{"text": "first"}, {"text": "second"}]}
    (here / "n.jsonl").write_text(json.dumps(record) + "\n" + json.dumps({**record, "qa.q": "literal"}))

    def pairs(**fields: str) -> list[tuple[str, str]]:
        found = source("n.jsonl", **fields).documents()
        return [(entry.prompt, entry.completion) for entry in found if isinstance(entry, Document)]

    assert pairs(prompt="qa.q", completion="qa.a") == [("1?", "1!"), ("literal", "1!")]
    assert pairs(prompt="turns.0.text", completion="turns.1.text") == [("first", "second")] * 2
    fields, _ = source("n.jsonl", prompt="qa.q", completion="qa.a").first_records(lambda number, _: number == 1)
    assert fields.unread == ("id", "qa.note", "turns")
    with pytest.raises(Failure, match=r"needs field 'qa.b'; it has 'id', 'qa.q', 'qa.a', 'qa.note'"):
        pairs(text="qa.b")
    chat = {
        "data": {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "system": "s"}
    }
    (here / "n.jsonl").write_text(json.dumps(chat))
    (entry,) = [each for each in source("n.jsonl", messages="data.messages").documents() if isinstance(each, Dialogue)]
    assert [message.content for message in entry.conversation.messages] == ["s", "a", "b"]
