"""Token stores: made once, reused while their digest agrees, never half made, never trusted unread."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runner.data.stores.display import Silent
from runner.data.stores.meta import read_meta, stored_documents
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store, check_vocabulary, open_store
from runner.data.stores.writer import StoreWriter
from runner.data.styles import load_style
from runner.data.tokenizers.byte import ByteTokenizer
from runner.failure import ExitCode, Failure
from runner.files.digested_json import with_digest
from schema.sections.data import Data, Source
from tests.runner.data.listener import Listener
from tests.runner.data.written_store import belongs_to_val


@pytest.fixture
def data(tmp_path: Path) -> Data:
    records = [{"prompt": f"{i} + 1 = ", "completion": str(i + 1)} for i in range(300)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return Data(root=str(tmp_path / "stores"), sources={"sums": Source(path=str(tmp_path / "sums.jsonl"))})


def prepare(data: Data, name: str = "sums", suffix: str = "", progress: Silent | None = None) -> Store:
    return prepare_store(name, suffix, data=data, tokenizer=ByteTokenizer(), progress=progress or Silent())


def store_of(tmp_path: Path, lines: list[str]) -> Store:
    (tmp_path / "x.jsonl").write_text("".join(lines))
    return prepare(Data(root=str(tmp_path / "s"), sources={"x": Source(path=str(tmp_path / "x.jsonl"))}), "x")


def names(folder: str | Path) -> list[str]:
    return [path.name for path in Path(folder).iterdir()]


def text_record(text: str) -> str:
    return json.dumps({"text": text}) + "\n"


def documents(store: Store, split: str) -> list[str]:
    found = store.split(split)
    assert found is not None
    pieces = np.split(found.tokens, found.offsets[1:-1].astype(int))
    return [ByteTokenizer().decode(piece) for piece in pieces]


def test_a_store_holds_every_document_once_with_its_end(data: Data) -> None:
    store = prepare(data)
    train, val = documents(store, "train"), documents(store, "val")
    assert sorted(train + val) == sorted(f"{i} + 1 = {i + 1}" for i in range(300))
    assert train == sorted(train, key=lambda text: int(text.split()[0]))
    split = store.splits["train"]
    assert set(split.tokens[split.offsets[1:].astype(int) - 1].tolist()) == {256}
    assert split.supervised[0] == len("0 + 1 = ")
    assert store.meta.splits["train"].max_token_id == 256


def test_meta_counts_rows_without_opening_the_store(data: Data) -> None:
    store = prepare(data)
    meta = read_meta(data.root, "sums")
    assert meta == store.meta
    train, documents = meta.splits["train"], stored_documents(data.root, meta, "train")
    assert documents is not None
    assert load_style("PADDED").count_rows(documents, 4, "truncate") == train.documents
    lengths = np.diff(store.splits["train"].offsets)
    assert load_style("PADDED").count_rows(documents, 11, "drop") == int((lengths <= 12).sum())
    assert load_style("PMD").count_rows(documents, 16, "truncate") == (train.tokens - 1) // 16
    assert list(documents.in_order()) == list(store.splits["train"].in_order()) == lengths.tolist()
    assert stored_documents(data.root, meta, "test") is None
    assert read_meta(data.root, "other") is None


def test_the_planner_reads_meta_without_numpy() -> None:
    program = "import sys, runner.data.stores.meta; sys.exit('numpy' in sys.modules or 'jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_store_is_reused_while_its_digest_agrees(data: Data) -> None:
    first = prepare(data)
    before = (first.folder / "meta.json").stat().st_ino
    assert prepare(data).digest == first.digest
    assert (first.folder / "meta.json").stat().st_ino == before


def test_a_store_is_made_again_when_its_source_changed(data: Data) -> None:
    first = prepare(data)
    path = Path(data.sources["sums"].path)
    record = json.dumps({"prompt": "", "completion": "something new"})
    path.write_text(f"{path.read_text()}{record}\n")
    listener = Listener()
    second = prepare(data, progress=listener)
    assert second.digest != first.digest
    assert listener.sentences == [
        f"dataset 'sums': the source changed since '{first.folder}' was made; it is made again",
        "dataset 'sums': fields read: 'prompt' and 'completion'",
    ]
    assert "something new" in documents(second, "train") + documents(second, "val")
    assert names(data.root) == ["sums"]


def test_a_store_without_a_source_is_used_as_it_is(data: Data) -> None:
    digest = prepare(data).digest
    assert prepare(Data(root=data.root)).digest == digest


def test_a_store_without_a_source_must_have_the_tokenizer_of_the_run(data: Data) -> None:
    prepare(data)
    other = ByteTokenizer(fingerprint="other")
    with pytest.raises(Failure, match=r"was made with tokenizer 'byte/.*', and this run's is 'other'"):
        prepare_store("sums", "", data=Data(root=data.root), tokenizer=other, progress=Silent())


def test_unknown_datasets_are_refused(data: Data) -> None:
    with pytest.raises(Failure, match="did you mean 'sums'") as caught:
        prepare(data, "sum")
    assert caught.value.exit_code is ExitCode.INVALID


def test_two_datasets_never_share_a_folder(data: Data) -> None:
    prepare(data, suffix="v_2")
    sources = {"sums_v": data.sources["sums"]}
    with pytest.raises(Failure, match="is the store of dataset 'sums' with suffix 'v_2'") as caught:
        prepare(Data(root=data.root, sources=sources), "sums_v", "2")
    assert caught.value.exit_code is ExitCode.INVALID


def more_documents(path: Path) -> str:
    return path.read_text().replace('"documents": ', '"documents": 1')


@pytest.mark.parametrize(
    ("file", "damage", "sentence"),
    [
        (
            "train.tokens.bin",
            lambda path: os.truncate(path, 100),
            "train.tokens.bin has 100 bytes where meta.json says",
        ),
        ("val.offsets.bin", Path.unlink, "val.offsets.bin is missing"),
        (
            "train.tokens.bin",
            lambda path: path.write_bytes(bytes(path.stat().st_size)),
            "the content of train.tokens.bin",
        ),
        ("meta.json", lambda path: path.write_text("{"), "meta.json cannot be read"),
        ("meta.json", lambda path: path.write_text("[]"), "meta.json cannot be read"),
        ("meta.json", lambda path: path.write_text(more_documents(path)), "meta.json cannot be read: it is not as it"),
        (
            "meta.json",
            lambda path: path.write_text(with_digest("{\n" + more_documents(path).partition("\n")[2])),
            "meta.json contradicts itself",
        ),
    ],
)
def test_damaged_stores_are_refused_with_the_remedy(
    data: Data, file: str, damage: Callable[[Path], object], sentence: str
) -> None:
    folder = prepare(data).folder
    damage(folder / file)
    with pytest.raises(Failure, match=sentence) as caught:
        prepare(data)
    assert caught.value.exit_code is ExitCode.STORAGE
    assert str(caught.value).endswith("; delete the folder to have it made again")


def test_a_folder_that_is_no_store_is_left_alone(data: Data) -> None:
    precious = Path(data.root, "sums", "thesis.tex")
    precious.parent.mkdir(parents=True)
    precious.write_text("x")
    with pytest.raises(Failure, match=r"is no token store: it has no meta\.json"):
        prepare(data)
    assert precious.exists()


def test_a_full_disk_is_a_storage_failure_and_leaves_nothing(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(StoreWriter, "add", fail)
    with pytest.raises(Failure, match="cannot be written: No space left on device") as caught:
        prepare(data)
    assert caught.value.exit_code is ExitCode.STORAGE
    assert not Path(data.root).exists()


def test_a_root_that_is_a_file_is_a_storage_failure(tmp_path: Path, data: Data) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Failure, match="cannot be written") as caught:
        prepare(Data(root=str(tmp_path / "file"), sources=data.sources))
    assert caught.value.exit_code is ExitCode.STORAGE


def test_a_malformed_record_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"x\.jsonl:2: not JSON"):
        store_of(tmp_path, [text_record("fine"), "{"])
    assert not (tmp_path / "s").exists()


def test_half_a_surrogate_pair_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"x\.jsonl:1: the text holds half of a surrogate pair \(U\+D800\)"):
        store_of(tmp_path, ['{"text": "\\ud800"}\n'])


@pytest.mark.parametrize("lines", [[], ["\n"], [text_record("")]])
def test_empty_datasets_are_refused(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(Failure, match="dataset 'x' holds no text") as caught:
        store_of(tmp_path, lines)
    assert caught.value.exit_code is ExitCode.INVALID


def test_what_was_left_out_is_reported(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("hello")
    (tmp_path / "in" / "b.txt").write_text("")
    (tmp_path / "in" / "c.rst").write_text("about")
    listener = Listener()
    store = prepare(Data(root=str(tmp_path / "s"), sources={"x": Source(path=str(tmp_path / "in"))}), "x", "", listener)
    empty = f"empty ({tmp_path / 'in' / 'b.txt'})"
    assert store.meta.skipped == {"of another format (c.rst)": 1, empty: 1}
    assert listener.sentences == [
        f"dataset 'x': 2 entries were left out: 1 {empty}, 1 of another format (c.rst)",
        "dataset 'x' is too small to keep any of it for validation",
    ]


def test_duplicates_stay_on_one_side(tmp_path: Path) -> None:
    store = store_of(tmp_path, [text_record(f"text {i % 200}") for i in range(1000)])
    assert store.splits["val"].meta.documents % 5 == 0
    assert not set(documents(store, "train")) & set(documents(store, "val"))


def test_one_long_text_is_cut_for_validation(tmp_path: Path) -> None:
    text = "".join(chr(97 + i % 26) for i in range(64_000))
    store = store_of(tmp_path, [text_record(text)])
    assert store.splits["val"].meta.tokens == 64_001 // 64
    assert documents(store, "train")[0] + documents(store, "val")[0] == text
    assert store.splits["train"].offsets.tolist() == [0, 64_001 - 1000]


def test_of_ten_examples_the_last_is_for_validation(tmp_path: Path) -> None:
    texts = [f"item {i}" for i in range(10)]
    assert not any(belongs_to_val(text) for text in texts)
    store = store_of(tmp_path, [text_record(text) for text in texts])
    assert documents(store, "val") == ["item 9"]
    assert len(documents(store, "train")) == 9


def test_examples_with_a_prompt_are_never_cut(tmp_path: Path) -> None:
    pairs = [{"prompt": "", "completion": "short"}, {"prompt": "p" * 9000, "completion": "c" * 9000}]
    store = store_of(tmp_path, [json.dumps(pair) + "\n" for pair in pairs])
    assert store.splits["train"].supervised.tolist() == [9000, 18_001]
    assert store.splits["train"].meta.tokens == 18_001
    assert documents(store, "val") == ["short"]


def test_one_tiny_text_has_no_validation(tmp_path: Path) -> None:
    store = store_of(tmp_path, [text_record("tiny")])
    assert documents(store, "train") == ["tiny"]
    assert store.split("val") is None
    assert open_store(store.folder).split("val") is None


def test_a_dataset_that_falls_on_validation_whole_is_for_training(tmp_path: Path) -> None:
    text = next(f"text {i}" for i in range(10_000) if belongs_to_val(f"text {i}"))
    store = store_of(tmp_path, [text_record(text)])
    assert documents(store, "train") == [text]
    assert store.split("val") is None


def test_token_ids_beyond_the_vocabulary_are_refused(data: Data) -> None:
    store = prepare(data)
    check_vocabulary(store, 258)
    with pytest.raises(Failure) as caught:
        check_vocabulary(store, 256)
    assert str(caught.value) == (
        "dataset 'sums' holds token id 257 but architecture/vocab_size is 256; write at least 258"
    )
    assert caught.value.exit_code is ExitCode.INVALID
