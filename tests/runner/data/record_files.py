"""Files of records as a source, and what is read of them."""

from __future__ import annotations

from pathlib import Path

from runner.data.sources import Document, Found, find_source
from schema.environment import Fields
from schema.sections.data import Data

PAIR = {"prompt": "1 + 2 = ", "completion": "3"}


def data_of(path: Path, **fields: str) -> Data:
    return Data.model_validate({"root": str(path.parent / "stores"), "sources": {"x": {"path": str(path), **fields}}})


def read(path: Path, *styles: str, **fields: str) -> tuple[list[tuple[str, str]], Fields]:
    """The documents of a source, and what was found in its records."""
    source = find_source("x", data_of(path, **fields), styles)
    assert source is not None
    *entries, found = source.documents()
    assert isinstance(found, Found) and found.done == source.total
    return [(entry.prompt, entry.completion) for entry in entries if isinstance(entry, Document)], found.fields
