"""Stores of tokens that other programs wrote: read as they are, found again, and refused where they can't be meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.data.sources.tokens import UNCHECKED, open_tokens
from runner.data.stores.display import Silent
from runner.data.stores.files import verify_store
from runner.data.stores.foreign import check_beginnings
from runner.data.stores.meta import load_meta
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store
from runner.data.stores.trained import Trained
from runner.data.styles import load_style
from runner.data.tokenizers.byte import ByteTokenizer
from runner.failure import ExitCode, Failure
from schema.sections.data import Data, Source
from tests.runner.data.token_files import (
    END,
    FLAT,
    HELD_OUT,
    TALES,
    WIDTH,
    megatron,
    nano_gpt,
    theseus_flat,
    theseus_padded,
)


@dataclass
class Heard(Silent):
    """Keeps what is said."""

    def __post_init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)


def data_of(folder: Path, tokens: Path, **keys: str) -> Data:
    section = Source.model_validate({"tokens": str(tokens), **keys})
    return Data(root=str(folder / "stores"), sources={"tales": section})


def prepare(data: Data, heard: Heard | None = None, trained: Trained | None = None) -> Store:
    return prepare_store("tales", "", data=data, tokenizer=ByteTokenizer(), progress=heard or Silent(), trained=trained)


def documents(store: Store, split: str) -> list[list[int]]:
    found = store.splits[split]
    return [each.tolist() for each in np.split(found.tokens, found.offsets[1:-1].astype(np.int64))]


@pytest.mark.parametrize(("write", "keys"), [(theseus_flat, {}), (nano_gpt, {"dtype": "uint16"})])
def test_a_flat_file_is_mapped_as_it_is(tmp_path: Path, write: Callable[[Path], Path], keys: dict[str, str]) -> None:
    heard, data = Heard(), data_of(tmp_path, write(tmp_path / "own"), **keys)
    store = prepare(data, heard)
    assert documents(store, "train") == [[*tale, END] for tale in TALES]
    assert store.splits["val"].tokens.tolist() == HELD_OUT
    assert {path.name for path in store.folder.iterdir()} == {
        "meta.json", *(f"{split}.{kind}.bin" for split in ("train", "val") for kind in ("offsets", "supervised")),
    }  # fmt: skip
    rows = load_style("PMD").open_rows(store.splits["train"], 8, "truncate")
    assert rows.gather(np.array([1])).tokens.tolist() == [FLAT[8:17]]
    assert heard.sentences == [f"dataset 'tales': {UNCHECKED}"]
    heard.sentences.clear()
    assert prepare(data, heard).digest == store.digest == verify_store(store.folder).digest
    assert heard.sentences == []


def test_megatrons_documents_are_those_of_its_index(tmp_path: Path) -> None:
    heard = Heard()
    store = prepare(data_of(tmp_path, megatron(tmp_path / "own")), heard)
    found = [*documents(store, "train"), *documents(store, "val")]
    texts = [bytes(ids[:-1]).decode() for ids in found]
    assert [ids[-1] for ids in found] == [END] * 4
    assert texts[1:] == [
        "A boat.",
        "Rain fell on the hill, and then on the town, and then it stopped.",
        "One more day.",
    ]
    assert len(documents(store, "val")) == 1
    assert heard.sentences[1:] == ["dataset 'tales': its end is kept for validation, for there is no file for that"]
    assert verify_store(store.folder).digest == store.digest


def theirs(folder: Path, block_size: int) -> list[list[tuple[int, int]]]:
    """The (input, target) pairs that theseus trains on, row by row, but for a first token predicted from padding."""
    rows, width = json.loads((folder / "shape.json").read_text())["train"]
    ids = np.memmap(folder / "train.bin", np.uint32, "r", shape=(rows, width))[:, -(block_size + 1) :]
    mask = np.memmap(folder / "train.bin.mask", np.bool_, "r", shape=(rows, width))[:, -(block_size + 1) :]
    return [
        [(int(a), int(b)) for a, b, seen in zip(row, row[1:], flags[1:], strict=False) if seen and a not in (0, 257)]
        for row, flags in zip(ids, mask, strict=True)
    ]


ROWS = st.lists(st.tuples(st.integers(1, 255), st.booleans()), min_size=1, max_size=WIDTH + 2)
EXAMPLES = st.lists(ROWS, min_size=1, max_size=5)


@given(EXAMPLES, st.sampled_from([0, 257]))
def test_padded_rows_train_on_the_tokens_that_theseus_trains_on(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[list[tuple[int, bool]]], pad: int
) -> None:
    folder = tmp_path_factory.mktemp("padded")
    examples = [([id_ for id_, _ in row], [seen for _, seen in row]) for row in drawn]
    examples.append(([1, 2, 3], [False, True, True]))  # of rows that teach nothing there is no store
    own = theseus_padded(folder / "own", {"train": examples, "val": examples[-1:]}, pad)
    store = prepare(data_of(folder, own))
    rows = load_style("PADDED").open_rows(store.splits["train"], WIDTH, "error")
    found = rows.gather(np.arange(len(rows)))
    pairs = [
        [(int(a), int(b)) for a, b, seen in zip(tokens[:-1], tokens[1:], mask, strict=True) if seen]
        for tokens, mask in zip(found.tokens, found.mask(), strict=True)
    ]
    assert pairs == [row for row in theirs(own, WIDTH) if row]
    assert len(rows) + sum(store.meta.skipped.values()) == len(examples)
    kept = [ids[-WIDTH:] for ids, _ in examples]
    assert all(ids in kept for ids in documents(store, "train"))  # no padding among them


def test_files_are_found_where_the_spec_says_and_changed_ones_are_refused(tmp_path: Path) -> None:
    own = nano_gpt(tmp_path / "own")
    first = prepare(data_of(tmp_path, own, dtype="uint16"))
    trained = Trained(tmp_path / "run", 3, {"tales": first.digest})
    moved = own.rename(tmp_path / "moved")
    with pytest.raises(Failure, match=r"own/train.bin is missing; bring it back, or say where it is") as caught:
        verify_store(first.folder)
    assert caught.value.exit_code is ExitCode.STORAGE
    data = data_of(tmp_path, moved, dtype="uint16")
    assert prepare(data, trained=trained).digest == first.digest == verify_store(first.folder).digest
    assert load_meta(first.folder).elsewhere["train"].path == str(moved / "train.bin")
    other = [*reversed(FLAT)]
    np.array(other, np.uint16).tofile(moved / "train.bin")
    with pytest.raises(Failure, match=r"the content of .*moved/train.bin is not what meta.json recorded"):
        verify_store(first.folder)
    with pytest.raises(Failure) as caught:
        prepare(data, trained=trained)
    assert caught.value.exit_code is ExitCode.RESUME
    heard = Heard()
    assert prepare(data, heard).splits["train"].tokens.tolist() == other
    assert heard.sentences[0].startswith("dataset 'tales': the files changed since")


@pytest.mark.parametrize("gone", [True, False])
def test_text_takes_the_place_of_tokens_that_may_be_gone(tmp_path: Path, gone: bool) -> None:
    own = nano_gpt(tmp_path / "own")
    first = prepare(data_of(tmp_path, own, dtype="uint16"))
    if gone:
        (own / "train.bin").unlink()
    (tmp_path / "x.txt").write_text("A text.")
    data = Data(root=str(tmp_path / "stores"), sources={"tales": Source(path=str(tmp_path / "x.txt"))})
    with pytest.raises(Failure, match="the data of tales changed since step 3") as caught:
        prepare(data, trained=Trained(tmp_path / "run", 3, {"tales": first.digest}))
    assert caught.value.exit_code is ExitCode.RESUME
    heard = Heard()
    assert documents(prepare(data, heard), "train") == [[*b"A text.", END]]
    assert heard.sentences[0].startswith("dataset 'tales': the source changed since")


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def text(name: str, written: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(written) and None


def ids(name: str, written: list[int], dtype: npt.DTypeLike) -> Callable[[Path], None]:
    return lambda folder: np.array(written, dtype).tofile(folder / name)


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1]) and None


def byte(name: str, place: int, value: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        found = bytearray((folder / name).read_bytes())
        found[place] = value
        (folder / name).write_bytes(found)

    return write


INDEX, DATA = "tales_text_document.idx", "tales_text_document.bin"
BROKEN = [
    ("flat", without("train.bin"), {}, "tokens: 'own' has no train.bin; write the folder that has one, or the prefix"),
    ("flat", without("config.json"), {}, "dtype: nothing in 'own' says how many bytes an id has; write dtype: uint16"),
    ("flat", lambda _: None, {"dtype": "uint16"}, "dtype: 'own/config.json' says that ids are uint32; leave dtype out"),
    ("flat", text("progress.json", "{}"), {}, "tokens: 'own/progress.json' says that these files were not finished"),
    ("flat", cut("train.bin"), {}, "dtype: 'own/train.bin' has 391 bytes, no whole number of uint32 ids"),
    ("flat", text("train.bin", ""), {}, "tokens: 'own/train.bin' is empty"),
    ("flat", text("train.bin.mask", "x"), {}, "tokens: 'own' has a mask and no shape.json"),
    (
        "flat",
        text("train.idx", "x"),
        {},
        "tokens: 'own/train.idx' makes 'train.bin' Megatron's; write its prefix",
    ),
    (
        "flat",
        ids("val.bin", [9, 258], "<u4"),
        {},
        "'own/val.bin' holds id 258 at place 1, and the tokenizer",
    ),
    ("nano", lambda _: None, {"dtype": "uint32"}, "0 to 257; ids of 2 bytes would be in it: write dtype: uint16"),
    (
        "nano",
        ids("train.bin", FLAT, "<u4"),
        {"dtype": "uint16"},
        "'own/train.bin' holds ids of 4 bytes; write",
    ),
    ("padded", text("shape.json", "{"), {}, "tokens: 'own/shape.json' does not say [rows, width] of each split"),
    ("padded", text("shape.json", '{"train": [1, 11], "val": [1, 11]}'), {}, "bytes, and shape.json says 1 rows of 11"),
    ("padded", without("train.bin.mask"), {}, "tokens: 'own/train.bin.mask' is missing, or has not one byte for each"),
    ("padded", byte("train.bin.mask", 3, 7), {}, "'own/train.bin.mask' holds 7, and a mask is 0 or 1"),
    (
        "padded",
        byte("train.bin", 47, 9),
        {},
        "'own/train.bin' holds id 150,994,947 in row 0, and the",
    ),
    ("megatron", without(INDEX), {}, f"and there are no 'own/{DATA}' and 'own/{INDEX}'"),
    ("megatron", byte(INDEX, 0, 9), {}, "it does not begin with MMIDIDX, as Megatron's index does"),
    ("megatron", byte(INDEX, 9, 2), {}, "it is of version 2, and version 1 is read"),
    ("megatron", byte(INDEX, 17, 7), {}, "its ids are of type 7, which is none of uint8, int16, int32, int64, uint16"),
    ("megatron", byte(INDEX, 18, 99), {}, "it has 158 bytes, and its header says 1,262"),
    ("megatron", byte(INDEX, 34, 9), {}, "its sequences do not follow one another in the .bin"),
    ("megatron", cut(DATA), {}, f"'own/{DATA}' has 239 bytes, no whole number of uint16 ids"),
    ("megatron", byte(INDEX, 118, 1), {}, "its documents are not all of its sequences in order"),
]


@pytest.mark.parametrize(("kind", "harm", "keys", "sentence"), BROKEN)
def test_what_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    harm: Callable[[Path], None],
    keys: dict[str, str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    own = Path("own")
    examples = {"train": [([1, 2, 3], [False, True, True])], "val": [([4, 5], [True, True])]}
    tokens = {
        "flat": theseus_flat,
        "nano": nano_gpt,
        "padded": lambda folder: theseus_padded(folder, examples),
        "megatron": megatron,
    }[kind](own)
    harm(own)
    data = data_of(Path(), tokens, **keys)
    with pytest.raises(Failure) as caught:
        prepare(data)
    if "holds id" in sentence and kind != "padded":
        with pytest.raises(Failure) as early:  # what `validate --env` looks at
            check_beginnings(open_tokens("tales", data.sources["tales"]), ByteTokenizer().vocabulary)
        assert str(early.value) == str(caught.value)
    assert caught.value.exit_code is ExitCode.INVALID
    assert str(caught.value).startswith("data/sources/tales/")
    assert sentence in str(caught.value)
    assert not Path("stores").exists()


def test_another_tokenizer_makes_the_store_again(tmp_path: Path) -> None:
    data = data_of(tmp_path, nano_gpt(tmp_path / "own"), dtype="uint16")
    first = prepare(data)
    meta = replace(first.meta, tokenizer="another", digest="0" * 64)
    (first.folder / "meta.json").write_text(meta.to_json())
    heard = Heard()
    assert prepare(data, heard).digest == first.digest
    assert (
        heard.sentences[0]
        == f"dataset 'tales': the tokenizer changed since '{first.folder}' was made; it is made again"
    )
