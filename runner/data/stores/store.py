"""A token store on disk, opened for reading: one folder serves every style and any block size.

Its files are mapped before they are verified, so that whoever opened a store keeps what was verified, also where
another process replaces or removes the store.

For each split: <split>.tokens.bin (flat, little-endian), <split>.offsets.bin (where documents begin, and the end
of the last), <split>.supervised.bin (where supervised spans begin and end, in turn, as `runner/data/spans` reads
them); and meta.json, which holds sizes and digests of all of them. Writing is `runner/data/stores/writer.py`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from runner.data.stores.files import check_sizes, other_content
from runner.data.stores.meta import (
    OFFSET_BYTES,
    OFFSETS_AT_ONCE,
    REMEDY,
    SplitMeta,
    StoreMeta,
    load_meta,
)
from runner.data.stores.packings import Packing, Packings
from runner.data.styles import PairLengths
from runner.failure import ExitCode, Failure
from runner.files.stamp import stamp_of

OFFSET_DTYPE = np.dtype(f"<u{OFFSET_BYTES}")
# Reading this much costs about a second; of larger stores, content is compared by `lorarun verify` alone.
ALWAYS_VERIFIED_BYTES = 2**30


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One split, mapped read-only; satisfies `runner.data.styles.TokenSplit`.

    `tokens` (tokens,) are all documents one after the other, `offsets` (documents + 1,) say where each begins, and the
    end of the last, `supervised` (2 · spans,) where what PADDED rows are trained on begins and ends.
    """

    folder: Path
    dataset: str
    split: str
    pad: int
    meta: SplitMeta
    tokens: npt.NDArray[np.unsignedinteger]
    offsets: npt.NDArray[np.uint64]
    supervised: npt.NDArray[np.uint64]

    @property
    def lengths(self) -> Mapping[int, int]:
        """How many documents have which length, in tokens."""
        return self.meta.lengths

    @property
    def pairs(self) -> PairLengths | None:
        """The lengths of pairs, where documents 2i and 2i + 1 are two answers to one prompt; else None."""
        return self.meta.pairs

    def in_order(self) -> Iterator[int]:
        """Yield the length of each document in tokens, in the order of the store."""
        for first in range(0, len(self.offsets) - 1, OFFSETS_AT_ONCE):
            yield from np.diff(self.offsets[first : first + OFFSETS_AT_ONCE + 1]).tolist()

    @property
    def packings(self) -> Packings:
        """The packings of this split."""
        return Packings(self.folder, self.split, self.meta.files["offsets"].sha256)

    def packing(self, width: int, drop: bool) -> Packing | None:
        """Return the packing that was kept for rows of `width` tokens."""
        return self.packings.find(width, drop)


@dataclass(frozen=True, slots=True)
class Store:
    """A complete store. `splits` has `train`, and `val` where there was enough text for one."""

    folder: Path
    meta: StoreMeta
    splits: Mapping[str, Split]

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return self.meta.name

    @property
    def digest(self) -> str:
        """Identify the content: sha256 over source, tokenizer, chat template and format."""
        return self.meta.digest

    @property
    def max_token_id(self) -> int:
        """Highest id that a row can hold, padding included."""
        return self.meta.max_token_id

    def split(self, name: str) -> Split | None:
        """Return `train` or `val`; None when the store has no such split."""
        return self.splits.get(name)


def open_store(folder: Path, meta: StoreMeta | None = None) -> Store:
    """Open a store after comparing the size of each file with meta.json, or with `meta`, which is newer.

    A file whose stamp is not the one in meta.json is read, unless the store is large, and its sha256 compared; the meta
    data of the result has the new stamp. Raises Failure (STORAGE) when a file is missing, truncated, altered or
    unreadable.
    """
    meta = meta or load_meta(folder)
    total = sum(file.bytes for split in meta.splits.values() for file in split.files.values())
    splits = {}
    try:
        for name, split in meta.splits.items():
            check_sizes(folder, name, meta)
            mapped, files = {}, {}
            for kind, dtype in _dtypes(meta).items():
                path, noted = meta.file(folder, name, kind), split.files[kind]
                whole, stamp = _map(path, dtype)
                is_read = stamp != noted.stamp and total <= ALWAYS_VERIFIED_BYTES
                if whole.nbytes != noted.bytes or (is_read and content_digest(whole) != noted.sha256):
                    raise other_content(folder, path)
                files[kind] = replace(noted, stamp=stamp) if is_read else noted
                mapped[kind] = whole
            if name in meta.elsewhere:
                first = meta.elsewhere[name].first // mapped["tokens"].itemsize
                mapped["tokens"] = mapped["tokens"][first : first + split.tokens]
            found = replace(split, files=files)
            splits[name] = Split(
                folder, folder.name, name, meta.pad, found, mapped["tokens"], mapped["offsets"], mapped["supervised"]
            )
    except (OSError, ValueError) as error:
        raise Failure(f"token store '{folder}' cannot be read: {error}; {REMEDY}", ExitCode.STORAGE) from error
    return Store(folder, replace(meta, splits={name: split.meta for name, split in splits.items()}), splits)


def check_vocabulary(store: Store, vocab_size: int) -> None:
    """Raise Failure (INVALID) when the store holds, or padding adds, a token id that the model has no row for."""
    highest = store.max_token_id
    if highest >= vocab_size:
        raise Failure(
            f"dataset '{store.name}' holds token id {highest} but architecture/vocab_size is {vocab_size}; "
            f"write at least {highest + 1}",
            ExitCode.INVALID,
        )


def _dtypes(meta: StoreMeta) -> dict[str, np.dtype[Any]]:
    """The type of each kind of file."""
    return {"tokens": np.dtype(meta.dtype), "offsets": OFFSET_DTYPE, "supervised": OFFSET_DTYPE}


def _map(path: Path, dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], str]:
    """Map a file and return its stamp. Raises OSError, and ValueError for a file that is empty or cut."""
    with path.open("rb") as handle:  # the stamp is that of the mapped file, also where another takes its place now
        return np.memmap(handle, dtype, mode="r"), stamp_of(os.fstat(handle.fileno()))


def content_digest(mapped: npt.NDArray[Any]) -> str:
    """Return the sha256 of all bytes of an array."""
    return hashlib.sha256(mapped.view(np.uint8).data).hexdigest()
