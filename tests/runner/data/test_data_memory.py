"""How much memory the preparation of a large file takes, in this process and in those that it starts."""

from __future__ import annotations

import ctypes
import json
import shutil
import threading
from pathlib import Path

import pytest

from runner.data.stores import parallel
from runner.data.stores.display import Silent
from runner.data.stores.prepare import prepare_store
from runner.data.stores.worker import Recipe
from runner.data.tokenizers.byte import ByteTokenizer
from runner.data.tokenizers.huggingface import load_huggingface
from schema.sections.data import Data, Source
from schema.sections.tokenizer import Tokenizer
from tests.runner.data.tokenizer_folders import byte_level, folder

MEGABYTES = 300
MOST_MEGABYTES = 400  # of a process
LINE = "a line of a text that never ends, and has 64 bytes with its end\n"


class Watch(threading.Thread):
    """Looks at the anonymous memory of this process and of its children, and keeps the most, in MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.own, self.child, self.ended = 0.0, 0.0, threading.Event()

    def run(self) -> None:
        before = anonymous("self")
        while not self.ended.wait(0.02):
            self.own = max(self.own, anonymous("self") - before)
            for task in Path("/proc/self/task").iterdir():
                try:
                    children = (task / "children").read_text().split()
                except OSError:  # the thread has ended
                    continue
                self.child = max([self.child, *map(anonymous, children)])


DENSE = {  # of which a tokenizer of bytes makes three or four tokens a character
    "one.txt": "日本語。" * 160_000,
    "record.jsonl": json.dumps({"text": "😀日 " * 200_000}),
}


@pytest.mark.parametrize("name", DENSE)
def test_memory_is_bounded_where_a_character_is_several_tokens(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(DENSE[name])
    tokenizer = load_huggingface(str(folder(tmp_path / "tokenizer", byte_level())))
    data = Data(root=str(tmp_path / "stores"), sources={"x": Source(path=str(tmp_path / name))}, workers=1)
    ctypes.CDLL(None).malloc_trim(0)  # or what tests before this one took would be taken again
    watch = Watch()
    watch.start()
    prepare_store("x", "", data=data, tokenizer=tokenizer, progress=Silent())
    watch.ended.set()
    watch.join()
    assert watch.own < 300


def anonymous(process: str) -> float:
    """Anonymous memory of a process, in MiB; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


@pytest.mark.slow
def test_memory_is_bounded_whatever_the_size_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(LINE) == 64
    path = tmp_path / "x.txt"
    with path.open("w") as file:
        for _ in range(MEGABYTES):
            file.write(LINE * (2**20 // len(LINE)))
    monkeypatch.setattr(parallel, "ALONE_SECONDS", 0.0)
    data = Data(root=str(tmp_path / "stores"), sources={"x": Source(path=str(path))}, workers=2)
    recipe = Recipe(Tokenizer(backend="byte"), None)
    watch = Watch()
    watch.start()
    store = prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=Silent(), recipe=recipe)
    watch.ended.set()
    watch.join()
    train, val = (store.splits[split].tokens for split in ("train", "val"))
    assert len(train) + len(val) == MEGABYTES * 2**20 + 1
    assert bytes(train[:64].astype("u1")) == bytes(val[-65:-1].astype("u1")) == LINE.encode()
    assert 0 < watch.child < MOST_MEGABYTES
    assert watch.own < MOST_MEGABYTES
    path.unlink()  # it and the store are large
    shutil.rmtree(tmp_path / "stores")
