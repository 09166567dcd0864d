"""Building a store: killed at any moment, it leaves the old store, the new one or none, and nothing for long."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.data.stores import batches
from runner.data.stores.display import Silent
from runner.data.stores.meta import META_FILE
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store, open_store
from runner.data.stores.writer import StoreWriter
from runner.data.tokenizers.byte import ByteTokenizer
from runner.failure import Failure
from schema.sections.data import Data, Source
from tests.runner.data.listener import Listener


@pytest.fixture
def data(tmp_path: Path) -> Data:
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(text_record(f"{i} + 1 = {i + 1}") for i in range(300)))
    return Data(root=str(tmp_path / "stores"), sources={"sums": Source(path=str(path))})


def text_record(text: str) -> str:
    return json.dumps({"text": text}) + "\n"


def names(folder: str) -> list[str]:
    return [path.name for path in Path(folder).iterdir()]


def prepare(data: Data) -> Store:
    return prepare_store("sums", "", data=data, tokenizer=ByteTokenizer(), progress=Silent())


KILLED = """
import os, shutil, signal, sys
from runner.data.stores import display, finish, prepare, writer
from runner.data.tokenizers.byte import ByteTokenizer
from schema.sections.data import Data, Source

def die(*arguments, **keywords):
    os.kill(os.getpid(), signal.SIGKILL)

moment, root, path = sys.argv[1:]
if moment == "first document":
    writer.StoreWriter.add = die
elif moment == "before meta.json":
    finish.StoreMeta.to_json = die
elif moment == "before the rename":
    finish.Path.rename = die
elif moment == "between the renames":
    rename = finish.Path.rename
    def rename_then_die(self, target):
        rename(self, target)
        die()
    finish.Path.rename = rename_then_die
elif moment == "after the rename":
    shutil.rmtree = die
data = Data(root=root, sources={"sums": Source(path=path)})
prepare.prepare_store("sums", "", data=data, tokenizer=ByteTokenizer(), progress=display.Silent())
"""
MOMENTS = ["first document", "before meta.json", "before the rename", "between the renames", "after the rename"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_preparation_can_be_killed_at_any_moment(data: Data, moment: str) -> None:
    old = prepare(data).digest
    path = Path(data.sources["sums"].path)
    path.write_text(path.read_text() + text_record("something new"))
    result = subprocess.run([sys.executable, "-c", KILLED, moment, data.root, str(path)], check=False)
    assert result.returncode == -signal.SIGKILL
    folder = Path(data.root, "sums")
    if folder.exists():
        assert (open_store(folder).digest == old) == (moment in MOMENTS[:3])
    assert names(data.root) != ["sums"]  # it did die in the middle
    assert sum(split.documents for split in prepare(data).meta.splits.values()) == 301
    assert names(data.root) == ["sums"]


def test_what_a_living_process_builds_is_left_alone(data: Data) -> None:
    partial = Path(data.root, f".partial-sums-{os.uname().nodename}-{os.getppid()}")
    partial.mkdir(parents=True)
    prepare(data)
    assert partial.exists()


def test_a_store_that_another_process_put_in_place_meanwhile_stays(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def rename_late(self: Path, target: Path) -> Path:
        target.mkdir()
        (target / META_FILE).write_text("theirs")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", rename_late)
    with pytest.raises(Failure, match=r"meta\.json cannot be read"):  # it is theirs that is opened
        prepare(data)
    assert names(data.root) == ["sums"]


def test_what_was_made_before_a_disk_was_full_is_kept(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 500)
    add, peace = StoreWriter.add, prepare(data)
    data = data.model_copy(update={"root": f"{data.root}2"})

    def fail(self: StoreWriter, *batch: Any) -> None:
        if sum(self.written.documents.values()) > 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        add(self, *batch)

    with monkeypatch.context() as full:
        full.setattr(StoreWriter, "add", fail)
        with pytest.raises(Failure, match=r"device; what was made is kept, and the same command goes on$"):
            prepare(data)
    listener = Listener()
    again = prepare_store("sums", "", data=data, tokenizer=ByteTokenizer(), progress=listener).meta.splits
    assert "continuing at" in listener.sentences[0]
    for split, found in peace.meta.splits.items():
        assert {kind: file.sha256 for kind, file in again[split].files.items()} == {
            kind: file.sha256 for kind, file in found.files.items()
        }
