"""Finish a store whose documents are written: see that both splits have something, sum them up, put it in place.

Its files may be larger than memory: they are mapped, and copied a few megabytes at a time.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from runner.data.spans import Places
from runner.data.stores.files import file_digest
from runner.data.stores.kept import Keys
from runner.data.stores.meta import META_FILE, SPLITS, FileMeta, SplitMeta, StoreMeta, load_meta, split_file
from runner.data.stores.pairs import longest_sides, places_apart
from runner.data.stores.split import divide_by_content, first_of_val
from runner.data.stores.store import OFFSET_DTYPE
from runner.data.stores.writer import KINDS, copy_bytes
from runner.data.styles import PairLengths
from runner.failure import Failure
from runner.files.atomic import sync, write_atomically
from runner.files.folder import commit
from runner.files.stamp import stamp_of

AT_ONCE = 2**20  # entries of an array that are looked at together


def is_divided(folder: Path) -> bool:
    """Whether both splits have documents."""
    return all(split_file(folder, split, "tokens").stat().st_size for split in SPLITS)


def divide_documents(folder: Path, dtype: str, digests: Keys | None = None, unit: int = 1) -> None:
    """Give each split something, where all documents are in one: by their digests, else by place. Raises OSError.

    Those of a `unit` stay together.

    The files are changed where they lie: what is half done must be made anew.
    """
    if not split_file(folder, "train", "tokens").stat().st_size:  # each is a copy of one that belongs to val
        for kind in KINDS:
            split_file(folder, "val", kind).replace(split_file(folder, "train", kind))
    if digests is None:
        _split_off_validation(folder, np.dtype(dtype), unit)
    else:
        divide_by_content(folder, np.dtype(dtype).itemsize, digests, unit)


def finished(folder: Path, dtype: str) -> dict[str, SplitMeta]:
    """Give each split something where possible, and describe them. Raises OSError."""
    if not is_divided(folder):
        divide_documents(folder, dtype)
    return describe(folder, dtype)


def describe(folder: Path, dtype: str, unit: int = 1) -> dict[str, SplitMeta]:
    """Sum the splits up, and sync their files; one without documents is removed. Raises OSError.

    Documents are pairs where two are a `unit`.
    """
    found = {split: _describe(folder, split, dtype, unit) for split in SPLITS}
    return {split: described for split, described in found.items() if described is not None}


def _split_off_validation(folder: Path, dtype: np.dtype[Any], unit: int) -> None:
    """Give `val` the end of `train`, for datasets of so few documents that no digest fell on `val`.

    `first_of_val` says how much of it. A store that allows nothing has no `val`.
    """
    offsets = _mapped(split_file(folder, "train", "offsets"), OFFSET_DTYPE)
    spans = _mapped(split_file(folder, "train", "supervised"), OFFSET_DTYPE)
    start = first_of_val(offsets, spans, unit)
    _divide_tokens(folder, start, dtype.itemsize)
    _divide_offsets(folder, offsets, start)
    divide_spans(folder, spans, start)


def _divide_tokens(folder: Path, start: int, itemsize: int) -> None:
    tokens = split_file(folder, "train", "tokens")
    with split_file(folder, "val", "tokens").open("wb") as file:
        copy_bytes(tokens, file, start * itemsize, tokens.stat().st_size)
    os.truncate(tokens, start * itemsize)


def _divide_offsets(folder: Path, offsets: Places, start: int) -> None:
    """Divide where documents begin at a token, which may lie in one; those behind it are counted from there."""
    behind = int(np.searchsorted(offsets, np.uint64(start), side="right"))
    is_cut = int(offsets[behind - 1]) < start
    with split_file(folder, "val", "offsets").open("wb") as file:
        file.write(bytes(OFFSET_DTYPE.itemsize))
        for part in _chunks(offsets[behind:]):
            file.write((part - np.uint64(start)).astype(OFFSET_DTYPE).tobytes())
    with split_file(folder, "train", "offsets").open("r+b") as file:
        file.seek(behind * OFFSET_DTYPE.itemsize)
        file.write(np.array([start] * is_cut, OFFSET_DTYPE).tobytes())
        file.truncate()


def divide_spans(folder: Path, spans: Places, start: int) -> None:
    """Divide spans at a place, which may lie in one; those behind it are counted from there."""
    place = np.array([start], OFFSET_DTYPE)
    before, behind = (int(np.searchsorted(spans, place[0], side=side)) for side in ("left", "right"))
    with split_file(folder, "val", "supervised").open("wb") as file:
        file.write(np.zeros(behind % 2, OFFSET_DTYPE).tobytes())
        for part in _chunks(spans[behind:]):
            file.write((part - place).astype(OFFSET_DTYPE).tobytes())
    with split_file(folder, "train", "supervised").open("r+b") as file:
        file.seek(before * OFFSET_DTYPE.itemsize)
        file.write(place[: before % 2].tobytes())
        file.truncate()


def _describe(folder: Path, split: str, dtype: str, unit: int) -> SplitMeta | None:
    paths = {kind: split_file(folder, split, kind) for kind in KINDS}
    if not paths["tokens"].exists() or not paths["tokens"].stat().st_size:
        for path in paths.values():
            path.unlink(missing_ok=True)
        return None
    offsets, spans = (_mapped(paths[kind], OFFSET_DTYPE) for kind in ("offsets", "supervised"))
    tokens, lengths = _mapped(paths["tokens"], np.dtype(dtype)), Counter[int]()
    for first in range(0, len(offsets) - 1, AT_ONCE):
        found, documents = np.unique(np.diff(offsets[first : first + AT_ONCE + 1]), return_counts=True)
        lengths.update(dict(zip(found.tolist(), documents.tolist(), strict=True)))
    for path in paths.values():
        sync(path)
    return SplitMeta(
        documents=len(offsets) - 1,
        tokens=int(offsets[-1]),
        spans=len(spans) // 2,
        supervised=sum(int((part[1::2] - part[::2]).sum()) for part in _chunks(spans)),
        max_token_id=max(int(part.max()) for part in _chunks(tokens)),
        lengths=dict(sorted(lengths.items())),
        files={kind: _note(path) for kind, path in paths.items()},
        pairs=PairLengths(longest_sides(offsets), places_apart(tokens, offsets)) if unit == 2 else None,
    )


def _mapped(path: Path, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Map a file, which may be empty."""
    return np.memmap(path, dtype, mode="r") if path.stat().st_size else np.zeros(0, dtype)


def _chunks(array: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    return (array[first : first + AT_ONCE] for first in range(0, len(array), AT_ONCE))


def _note(path: Path) -> FileMeta:
    found = path.stat()
    return FileMeta(found.st_size, file_digest(path), stamp_of(found))


def install(partial: Path, folder: Path, meta: StoreMeta) -> None:
    """Write meta.json and put the complete store in place, instead of an older one. Raises OSError.

    Where another process installed the same store meanwhile, its store stays.
    """
    write_atomically(partial / META_FILE, meta.to_json())
    try:
        commit(partial, folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(partial, ignore_errors=True)


def remember_stamps(folder: Path, meta: StoreMeta) -> None:
    """Note the stamps in `meta` in the store it is of, so that nothing is read again to no purpose.

    Where the disk is read-only, or another process has replaced the store meanwhile, nothing is noted.
    """
    with suppress(OSError, Failure):
        there = load_meta(folder)
        if there != meta and there.digest == meta.digest:
            write_atomically(folder / META_FILE, meta.to_json())
