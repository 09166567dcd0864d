"""A token store on disk, opened for reading: one folder serves every style and any block size.

For each split: <split>.tokens.bin (flat, little-endian), <split>.offsets.bin (where documents begin, and the end
of the last), <split>.supervised.bin (unsupervised tokens at the beginning of each document); and meta.json,
which holds sizes and digests of all of them. Writing is `runner/data/build.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from runner.data.meta import META_FILE, REMEDY, SplitMeta, StoreMeta, load_meta
from runner.failure import ExitCode, Failure

OFFSET_DTYPE = np.dtype("<u8")
PROMPT_DTYPE = np.dtype("<u4")
# Reading this much costs about a second; beyond, content is verified only when asked for.
ALWAYS_VERIFIED_BYTES = 2**30


@dataclass(frozen=True)
class Split:
    """One split, mapped read-only on first use; satisfies `runner.data.styles.TokenSplit`."""

    folder: Path
    dataset: str
    split: str
    pad: int
    dtype: str
    meta: SplitMeta

    @property
    def lengths(self) -> Mapping[int, int]:
        """How many documents have which length, in tokens."""
        return self.meta.lengths

    @cached_property
    def tokens(self) -> npt.NDArray[np.unsignedinteger]:
        """All documents one after the other, (tokens,)."""
        return self._map("tokens", np.dtype(self.dtype))

    @cached_property
    def offsets(self) -> npt.NDArray[np.uint64]:
        """Where each document begins, and the end of the last, (documents + 1,)."""
        return self._map("offsets", OFFSET_DTYPE)

    @cached_property
    def prompts(self) -> npt.NDArray[np.uint32]:
        """Tokens at the beginning of each document that are not supervised, (documents,)."""
        return self._map("supervised", PROMPT_DTYPE)

    def _map(self, kind: str, dtype: np.dtype[np.unsignedinteger]) -> npt.NDArray[np.unsignedinteger]:
        try:
            return np.memmap(split_file(self.folder, self.split, kind), dtype, mode="r")
        except (OSError, ValueError) as error:
            raise Failure(f"token store '{self.folder}' cannot be read: {error}", ExitCode.STORAGE) from error


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
        """Identify the content: sha256 over source, tokenizer and format."""
        return self.meta.digest

    @property
    def max_token_id(self) -> int:
        """Highest id that a row can hold, padding included."""
        return self.meta.max_token_id

    def split(self, name: str) -> Split | None:
        """Return `train` or `val`; None when the store has no such split."""
        return self.splits.get(name)


def split_file(folder: Path, split: str, kind: str) -> Path:
    """Return the path of one file of a store; `kind` is tokens, offsets or supervised."""
    return folder / f"{split}.{kind}.bin"


def open_store(folder: Path, *, verify: bool = False) -> Store:
    """Open a store after comparing the size of each file with meta.json.

    The sha256 of each file is compared, too, where `verify` is set or the store is small.
    Raises Failure (STORAGE) when a file is missing, truncated, altered or unreadable.
    """
    meta = load_meta(folder)
    total = sum(file.bytes for split in meta.splits.values() for file in split.files.values())
    try:
        for name, split in meta.splits.items():
            _check_split(folder, name, split, np.dtype(meta.dtype).itemsize)
            if verify or total <= ALWAYS_VERIFIED_BYTES:
                _check_content(folder, name, split)
    except OSError as error:
        raise Failure(f"token store '{folder}' cannot be read: {error}; {REMEDY}", ExitCode.STORAGE) from error
    splits = {
        name: Split(folder, folder.name, name, meta.pad, meta.dtype, split) for name, split in meta.splits.items()
    }
    return Store(folder, meta, splits)


def check_vocabulary(store: Store, vocab_size: int) -> None:
    """Raise Failure (INVALID) when the store holds, or padding adds, a token id that the model has no row for."""
    highest = store.max_token_id
    if highest >= vocab_size:
        raise Failure(
            f"dataset '{store.name}' holds token id {highest} but architecture/vocab_size is {vocab_size}; "
            f"write at least {highest + 1}",
            ExitCode.INVALID,
        )


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, read in pieces. Raises OSError."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _check_split(folder: Path, name: str, split: SplitMeta, token_bytes: int) -> None:
    """Compare sizes: meta.json with the disk, and the counts in meta.json with each other."""
    expected = {
        "tokens": split.tokens * token_bytes,
        "offsets": (split.documents + 1) * OFFSET_DTYPE.itemsize,
        "supervised": split.documents * PROMPT_DTYPE.itemsize,
    }
    sizes = {kind: file.bytes for kind, file in split.files.items()}
    counted = sum(split.lengths.values()), sum(length * documents for length, documents in split.lengths.items())
    if sizes != expected or counted != (split.documents, split.tokens):
        raise Failure(f"token store '{folder}': {META_FILE} contradicts itself; {REMEDY}", ExitCode.STORAGE)
    for kind, size in sizes.items():
        path = split_file(folder, name, kind)
        actual = path.stat().st_size if path.exists() else None
        if actual is None:
            raise Failure(f"token store '{folder}': {path.name} is missing; {REMEDY}", ExitCode.STORAGE)
        if actual != size:
            raise Failure(
                f"token store '{folder}': {path.name} has {actual} bytes where {META_FILE} says {size}; {REMEDY}",
                ExitCode.STORAGE,
            )


def _check_content(folder: Path, name: str, split: SplitMeta) -> None:
    for kind, file in split.files.items():
        path = split_file(folder, name, kind)
        if file_digest(path) != file.sha256:
            raise Failure(
                f"token store '{folder}': the content of {path.name} is not what {META_FILE} recorded; {REMEDY}",
                ExitCode.STORAGE,
            )
