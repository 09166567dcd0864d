"""A token store on disk, opened for reading: one folder serves every style and any block size.

Its files are mapped before they are verified, so that whoever opened a store keeps what was verified, also where
another process makes the store anew or removes it.

For each split: <split>.tokens.bin (flat, little-endian), <split>.offsets.bin (where documents begin, and the end
of the last), <split>.supervised.bin (unsupervised tokens at the beginning of each document); and meta.json,
which holds sizes and digests of all of them. Writing is `runner/data/stores/build.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from runner.data.stores.files import PROMPT_BYTES, check_sizes, other_content
from runner.data.stores.meta import OFFSET_BYTES, REMEDY, SplitMeta, StoreMeta, load_meta, split_file
from runner.failure import ExitCode, Failure

OFFSET_DTYPE = np.dtype(f"<u{OFFSET_BYTES}")
PROMPT_DTYPE = np.dtype(f"<u{PROMPT_BYTES}")
# Reading this much costs about a second; beyond, content is verified only when asked for.
ALWAYS_VERIFIED_BYTES = 2**30


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One split, mapped read-only; satisfies `runner.data.styles.TokenSplit`.

    `tokens` (tokens,) are all documents one after the other, `offsets` (documents + 1,) say where each begins, and the
    end of the last, `prompts` (documents,) how many tokens at the beginning of each are not supervised.
    """

    folder: Path
    dataset: str
    split: str
    pad: int
    meta: SplitMeta
    tokens: npt.NDArray[np.unsignedinteger]
    offsets: npt.NDArray[np.uint64]
    prompts: npt.NDArray[np.uint32]

    @property
    def lengths(self) -> Mapping[int, int]:
        """How many documents have which length, in tokens."""
        return self.meta.lengths

    def in_order(self) -> Iterable[int]:
        """Length of each document in tokens, in the order of the store."""
        lengths: list[int] = np.diff(self.offsets).tolist()
        return lengths


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


def open_store(folder: Path, *, verify: bool = False) -> Store:
    """Open a store after comparing the size of each file with meta.json.

    The sha256 of each file is compared, too, where `verify` is set or the store is small.
    Raises Failure (STORAGE) when a file is missing, truncated, altered or unreadable.
    """
    meta = load_meta(folder)
    total = sum(file.bytes for split in meta.splits.values() for file in split.files.values())
    splits = {}
    try:
        for name, split in meta.splits.items():
            check_sizes(folder, name, split, meta.dtype)
            mapped = _map(folder, name, np.dtype(meta.dtype))
            for kind, array in mapped.items():
                _check_content(folder, name, kind, array, split, digest=verify or total <= ALWAYS_VERIFIED_BYTES)
            splits[name] = Split(
                folder, folder.name, name, meta.pad, split, mapped["tokens"], mapped["offsets"], mapped["supervised"]
            )
    except (OSError, ValueError) as error:
        raise Failure(f"token store '{folder}' cannot be read: {error}; {REMEDY}", ExitCode.STORAGE) from error
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


def _map(folder: Path, name: str, token: np.dtype[Any]) -> dict[str, npt.NDArray[Any]]:
    """Map the files of a split. Raises OSError, and ValueError for a file that is empty or cut."""
    types = {"tokens": token, "offsets": OFFSET_DTYPE, "supervised": PROMPT_DTYPE}
    return {kind: np.memmap(split_file(folder, name, kind), dtype, mode="r") for kind, dtype in types.items()}


def _check_content(
    folder: Path, name: str, kind: str, mapped: npt.NDArray[Any], split: SplitMeta, *, digest: bool
) -> None:
    """Compare what was mapped with meta.json: its size, and its digest where that is asked."""
    expected = split.files[kind]
    if mapped.nbytes == expected.bytes and (
        not digest or hashlib.sha256(mapped.view(np.uint8).data).hexdigest() == expected.sha256
    ):
        return
    raise other_content(folder, split_file(folder, name, kind).name)
