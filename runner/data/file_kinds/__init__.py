"""What a file holds, one kind of file a module: texts in parts, records row by row, in bounded memory.

Which fields of a record are read, and as what, `runner/data/sources` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from runner.data.file_kinds.rows import Columns, Part, Row, Wish
from schema.document.file_kinds import FileKind, kind_of

__all__ = ["Columns", "FileKind", "Part", "Row", "Wish", "known_kind", "read_rows", "read_texts"]


def known_kind(path: Path) -> FileKind:
    """Return what a file is that was listed as one that is read."""
    found = kind_of(path.name)
    if found is None:
        raise ValueError(f"{path} is of no kind that is read")
    return found


def read_texts(path: Path, *, whole: bool) -> Iterator[Part]:
    """Read a file that is one text in parts; its beginning, where it is not wanted whole.

    Raises Failure INVALID for what is no UTF-8 and for damaged packing, OSError.
    """
    from runner.data.file_kinds import text

    return text.read(path, known_kind(path).packing, whole=whole)


def read_rows(path: Path, wish: Wish) -> Iterator[Row]:
    """Read the records of a file, in its order. Raises Failure INVALID with file and place, OSError."""
    kind = known_kind(path)
    return _reader(kind.kind)(path, kind.packing, wish)


def _reader(kind: str) -> Callable[[Path, str, Wish], Iterator[Row]]:
    """The reader of a kind; its libraries are loaded with it."""
    if kind == ".jsonl":
        from runner.data.file_kinds.jsonl import read
    elif kind == ".json":
        from runner.data.file_kinds.json import read
    elif kind in (".csv", ".tsv"):
        from runner.data.file_kinds.csv import read
    elif kind == ".parquet":
        from runner.data.file_kinds.parquet import read
    else:
        from runner.data.file_kinds.arrow import read
    return read
