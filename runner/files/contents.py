"""What files held when they were read: a digest and a stamp each. A file that still has its stamp is not read again.

A stamp has the time of the last change to the file itself, which no copying program sets back; where it is another one,
as on another machine, the digest decides. Files are read side by side: the digest of one takes a second for each GiB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from runner.files.stamp import stamp_of

MOST_AT_ONCE = 8

Contents = dict[str, dict[str, str]]  # name of a file → its sha256 and its stamp


def contents_of(folder: Path, names: Iterable[str]) -> Contents:
    """Read files of a folder. Raises OSError."""
    names = list(names)
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        return dict(zip(names, pool.map(_content, (folder / name for name in names)), strict=True))


def changed_files(folder: Path, noted: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the files of a folder that hold something else than `contents_of` noted of them. Raises OSError.

    A file that is gone is none of them: whoever needs it says so.
    """
    for name, content in noted.items():
        path = folder / name
        try:
            stamp = stamp_of(path.stat())
        except (FileNotFoundError, NotADirectoryError):
            continue
        if stamp != content["stamp"] and _digest(path, stamp) != content["sha256"]:
            yield name


def _content(path: Path) -> dict[str, str]:
    stamp = stamp_of(path.stat())
    return {"sha256": _digest(path, stamp), "stamp": stamp}


@lru_cache(1024)
def _digest(path: Path, stamp: str) -> str:
    """The sha256 of a file that has this stamp; several parts of one command ask for it."""
    del stamp  # it is the key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
