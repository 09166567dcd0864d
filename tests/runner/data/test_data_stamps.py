"""Sources and stores are read once: while size and times stay, nobody reads their content again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.data.stores import store as stores
from runner.data.stores.display import Silent
from runner.data.stores.finish import remember_stamps
from runner.data.stores.meta import load_meta
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store
from runner.data.tokenizers.byte import ByteTokenizer
from schema.sections.data import Data, Source

OPENED: list[str] = []
sys.addaudithook(lambda event, arguments: OPENED.append(str(arguments[0])) if event == "open" else None)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "text.jsonl"
    path.write_text("".join(f'{{"text": "document {i}"}}\n' for i in range(200)))
    return path


def prepare(source: Path) -> Store:
    data = Data(root=str(source.parent / "stores"), sources={"text": Source(path=str(source))})
    return prepare_store("text", "", data=data, tokenizer=ByteTokenizer(), progress=Silent())


@pytest.fixture
def digested(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Bytes of each file of a store that is read to compare its content."""
    sizes: list[int] = []
    digest = stores.content_digest
    monkeypatch.setattr(stores, "content_digest", lambda mapped: sizes.append(mapped.nbytes) or digest(mapped))
    yield sizes
    OPENED.clear()


def times_opened(source: Path) -> int:
    found = OPENED.count(str(source))
    OPENED.clear()
    return found


def test_a_second_open_reads_no_byte_of_source_or_store(source: Path, digested: list[int]) -> None:
    first = prepare(source)
    assert times_opened(source) > 0
    assert prepare(source).digest == first.digest
    assert times_opened(source) == 0
    assert digested == []


def test_a_source_with_new_times_is_read_once_and_its_store_stays(source: Path, digested: list[int]) -> None:
    first = prepare(source)
    inode = (first.folder / "train.tokens.bin").stat().st_ino
    os.utime(source)
    times_opened(source)
    assert prepare(source).digest == first.digest
    assert times_opened(source) == 1
    assert prepare(source).digest == first.digest
    assert times_opened(source) == 0
    assert (first.folder / "train.tokens.bin").stat().st_ino == inode


def test_other_content_of_the_same_size_and_time_makes_another_store(source: Path) -> None:
    first, before = prepare(source), source.stat()
    source.write_text(source.read_text().replace("document 0", "document X"))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (source.stat().st_size, source.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert prepare(source).digest != first.digest


def test_a_copy_elsewhere_keeps_the_store(source: Path, tmp_path: Path) -> None:
    first = prepare(source)
    (tmp_path / "other").mkdir()
    copy = source.rename(tmp_path / "other" / source.name)
    data = Data(root=str(tmp_path / "stores"), sources={"text": Source(path=str(copy))})
    moved = prepare_store("text", "", data=data, tokenizer=ByteTokenizer(), progress=Silent())
    assert (moved.digest, moved.meta.stamp == first.meta.stamp) == (first.digest, False)
    assert load_meta(moved.folder) == moved.meta


def test_a_store_with_new_times_is_read_once(source: Path, digested: list[int]) -> None:
    tokens = prepare(source).folder / "train.tokens.bin"
    os.utime(tokens)
    prepare(source)
    assert digested == [tokens.stat().st_size]
    prepare(source)
    assert len(digested) == 1


def test_stamps_are_never_noted_in_another_store(source: Path) -> None:
    store = prepare(source)
    written = (store.folder / "meta.json").read_bytes()
    remember_stamps(store.folder, replace(store.meta, digest="of another store", stamp="new"))
    assert (store.folder / "meta.json").read_bytes() == written
