"""What is remembered of the documents of a store that is being made: their digests, in their order.

By these a copy is left out, and a small set is divided. They lie beside the store's files, as far as those are written,
and go when it is complete. Where copies are looked for, memory is 16 bytes a document that stays, and twice that while
what is known is merged: 3.2 GB for 100 million.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import cast

import numpy as np
import numpy.typing as npt

from runner.data.lessons import COPIES, TRAINED
from runner.data.stores.writer import Written, is_validation

KEPT_FILE = "kept.bin"
KEY_BYTES = 16
RECORD = np.dtype([("digest", "u1", (KEY_BYTES,)), ("prompt", "<i8")])
Keys = npt.NDArray[np.bytes_]


def keys_of(digests: npt.NDArray[np.uint8], prompts: npt.NDArray[np.int64]) -> Keys:
    """Return a key of each document, (documents,), by the sha256 of its text, (documents, 32).

    `prompts` (documents,) are the lengths of their prompts in characters: who divides a text elsewhere is no copy.
    """
    halves = np.ascontiguousarray(digests[:, :KEY_BYTES]).view("<u8")  # (documents, 2)
    halves = np.stack([halves[:, 0], halves[:, 1] ^ prompts.astype("<u8")], axis=1)
    return cast(Keys, np.ascontiguousarray(halves).view(f"S{KEY_BYTES}")[:, 0])


class Seen:
    """The keys of all documents that stay, in sorted runs, of which each is larger than all behind it together."""

    def __init__(self, keys: Keys | None = None) -> None:
        self._runs: list[Keys] = []
        if keys is not None and len(keys):
            self._runs.append(np.sort(keys))

    def known(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Say which of these, (documents,), are remembered."""
        found = np.zeros(len(keys), np.bool_)
        for run in self._runs:
            found |= run[np.minimum(np.searchsorted(run, keys), len(run) - 1)] == keys
        return found

    def first(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Say which of these, (documents,), are the first of their content, and remember those."""
        is_first = np.zeros(len(keys), np.bool_)
        found, places = np.unique(keys, return_index=True)  # the first place of each
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, found), len(run) - 1)
            is_new = run[at] != found
            found, places = found[is_new], places[is_new]
        is_first[places] = True
        while self._runs and len(found) and len(self._runs[-1]) <= 2 * len(found):
            found = np.sort(np.concatenate([self._runs.pop(), found]), kind="stable")
        if len(found):
            self._runs.append(found)
        return is_first


class Kept:
    """The file of digests in a folder, as far as `written`; a context that closes it. Raises OSError.

    With `without_copies` the first document of each content stays, else all; but what is trained on is never validated
    on, where files of their own say what is.
    """

    def __init__(self, folder: Path, written: Written, *, without_copies: bool, has_own_val: bool) -> None:
        path = folder / KEPT_FILE
        self._file = path.open("ab")
        os.truncate(path, sum(written.documents.values()) * RECORD.itemsize)
        self._is_exact = without_copies
        self._seen: Seen | None = None
        if without_copies or has_own_val:
            found = np.fromfile(path, RECORD)
            if not without_copies:  # the files to train on come first
                found = found[: written.documents["train"]]
            self._seen = Seen(self._keys(found["digest"], found["prompt"]))

    def __enter__(self) -> Kept:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(
        self, digests: npt.NDArray[np.uint8], prompts: npt.NDArray[np.int64], split: str | None
    ) -> npt.NDArray[np.bool_]:
        """Say which documents stay, (documents,), by their sha256, (documents, 32), and prompts, (documents,).

        `split` is that of their file, where the spec says so.
        """
        stay = np.ones(len(digests), np.bool_)
        if self._seen is not None:
            keys = self._keys(digests, prompts)
            if self._is_exact:
                stay = self._seen.first(keys)
            elif split == "val":
                stay = ~self._seen.known(keys)
            else:
                self._seen.first(keys)
        records = np.empty(len(digests), RECORD)
        records["digest"], records["prompt"] = digests[:, :KEY_BYTES], prompts
        self._file.write(records[stay].tobytes())
        return stay

    def _keys(self, digests: npt.NDArray[np.uint8], prompts: npt.NDArray[np.int64]) -> Keys:
        """With the same text, another prompt makes no copy, but no text to validate on."""
        return keys_of(digests, prompts if self._is_exact else np.zeros_like(prompts))

    @property
    def reason(self) -> str:
        """Why a document does not stay."""
        return COPIES if self._is_exact else TRAINED

    def flush(self) -> None:
        """Bring what was added to the disk. Raises OSError."""
        self._file.flush()
        os.fdatasync(self._file.fileno())


def remembers(folder: Path, written: Written) -> bool:
    """Whether the file in a folder holds the documents that are written, or more."""
    path = folder / KEPT_FILE
    return path.exists() and path.stat().st_size >= sum(written.documents.values()) * RECORD.itemsize


def kept_digests(folder: Path) -> Keys:
    """Return the digests of all documents, in their order, (documents,). Raises OSError."""
    found = np.ascontiguousarray(np.fromfile(folder / KEPT_FILE, RECORD)["digest"])
    keys: Keys = found.view(f"S{KEY_BYTES}")[:, 0]
    return keys


def is_small(folder: Path) -> bool:
    """Whether several documents all fell on one side, so that `kept_digests` divided them. Raises OSError."""
    path = folder / KEPT_FILE
    if path.stat().st_size <= RECORD.itemsize:
        return False
    found = np.memmap(path, RECORD, mode="r")
    return len(np.unique(is_validation(np.ascontiguousarray(found["digest"])))) == 1
