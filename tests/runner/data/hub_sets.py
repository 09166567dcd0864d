"""Sets for a hub on this machine, and what lorarun makes of them: shared by the tests of hub sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from runner.data.sources import Entry
from runner.data.sources.hub import open_hub
from runner.data.stores.display import Silent
from runner.data.stores.meta import META_FILE
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store
from runner.data.tokenizers.byte import ByteTokenizer
from runner.files.network import Patience
from schema.sections.data import Data, Source
from tests.runner.weights.fake_hub import FakeHub, in_its_place

ROWS = {"train": 300, "validation": 10}
GROUP = 25  # rows of a group in a parquet file
FILES = 3


def write_set(folder: Path) -> Path:
    """A set of three parquet files of 100 texts, with addresses and pictures beside them, and one for validation."""
    (folder / "data").mkdir(parents=True)
    for split, rows in ROWS.items():
        parts = FILES if split == "train" else 1
        for part in range(parts):
            numbers = range(part * rows // parts, (part + 1) * rows // parts)
            table = pyarrow.table(
                {
                    "text": [f"{split} {number}: {'word ' * (number % 7)}" for number in numbers],
                    "url": [f"https://example.org/{number}" for number in numbers],
                    "picture": [b"\x89PNG" * 10 for _ in numbers],
                }
            )
            name = f"{split}-{part:05}-of-{parts:05}.parquet"
            pyarrow.parquet.write_table(table, folder / "data" / name, row_group_size=GROUP)
    return folder


def hub_of(folder: Path, home: Path, patch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """Yield a hub with the set acme/web; the caches in `home` are empty, and nobody waits."""
    found = FakeHub(name="acme/web", kind="dataset")
    found.push(folder)
    patch.chdir(home)
    patch.setattr("time.sleep", lambda _: None)
    patch.setattr("runner.data.sources._hub_errors.PATIENCE", Patience(attempts=3, sleep=lambda _: None))
    with in_its_place(found, home / "cache", patch):
        yield found


def read(start: int = 0, **keys: Any) -> list[Entry]:
    return [*open_hub("web", Source(**{"hub": "acme/web", **keys})).documents(start)]


def prepare(root: str, **keys: Any) -> Store:
    data = Data(root=root, sources={"web": Source(**{"hub": "acme/web", **keys})})
    return prepare_store("web", "", data=data, tokenizer=ByteTokenizer(), progress=Silent(), styles=("PMD",))


def content(store: Store) -> dict[str, bytes]:
    """The files of a store, its meta data aside, which say when its files were written."""
    return {path.name: path.read_bytes() for path in store.folder.iterdir() if path.name != META_FILE}
