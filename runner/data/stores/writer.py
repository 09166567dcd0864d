"""Append documents to the files of a store under construction, in pieces where they are long.

What was written so far is a value, `Written`, that a later process goes on from: what the files hold beyond it is cut.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from runner.data.stores.encode import Encoded, Ids
from runner.data.stores.meta import OFFSET_BYTES, SPLITS, split_file
from runner.data.stores.store import OFFSET_DTYPE

VAL_ONE_IN = 64
KINDS = ("tokens", "offsets", "supervised")
COPIED_BYTES = 2**22  # of a file at once
Spans = npt.NDArray[np.int64]


def is_validation(digests: npt.NDArray[np.uint8], split: str | None = None) -> npt.NDArray[np.bool_]:
    """Whether documents belong to `val`, by the sha256 of their content, (documents, 32): copies stay on one side.

    Where the spec says which `split` their file is, that decides. A dataset so small that no digest falls on `val` is
    divided by `runner/data/stores/split` instead.
    """
    if split is not None:
        return np.full(len(digests), split == "val")
    return cast("npt.NDArray[np.bool_]", digests[:, :4].copy().view(">u4")[:, 0] % VAL_ONE_IN == 0)


@dataclass(frozen=True, slots=True)
class Written:
    """How far a store is written: tokens, documents and spans of each split, and what is not whole yet.

    `last` is the last span of each split, which the next document may continue. `opened` is where the document that is
    being written begins, in `train`, and where its supervised tokens do; None where there is none.
    """

    tokens: dict[str, int]
    documents: dict[str, int]
    spans: dict[str, int]
    last: dict[str, tuple[int, int]]
    opened: tuple[int, int | None] | None = None
    end: int = 0  # of that document, so far

    def facts(self) -> dict[str, Any]:
        """Return it as JSON holds it; `written_of` reads it back."""
        return asdict(self)

    def bytes(self, split: str, kind: str, itemsize: int) -> int:
        """Size of a file of the store."""
        if kind == "tokens":
            tokens = self.end if self.opened and split == "train" else self.tokens[split]
            return tokens * itemsize
        return (self.documents[split] + 1) * OFFSET_BYTES if kind == "offsets" else self.spans[split] * 2 * OFFSET_BYTES


def nothing_written() -> Written:
    """Return how far a store is that has no document yet."""
    none = dict.fromkeys(SPLITS, 0)
    return Written(none, dict(none), dict(none), dict.fromkeys(SPLITS, (0, 0)))


def written_of(facts: dict[str, Any]) -> Written:
    """Read what `Written.facts` returned. Raises TypeError and ValueError for something else."""
    opened = facts["opened"]
    last = {split: (int(start), int(end)) for split, (start, end) in facts["last"].items()}
    return Written(**{**facts, "last": last, "opened": None if opened is None else (opened[0], opened[1])})


def holds(folder: Path, written: Written, dtype: str) -> bool:
    """Whether the files in a folder hold what was written, or more."""
    sizes = {
        split_file(folder, split, kind): written.bytes(split, kind, np.dtype(dtype).itemsize)
        for split in SPLITS
        for kind in KINDS
    }
    return all(path.exists() and path.stat().st_size >= size for path, size in sizes.items())


class StoreWriter:
    """The files of a store in a folder, with tokens of a type; a context that closes them.

    Given what was `written`, and is held by the files, it goes on behind that. Raises OSError.
    """

    def __init__(self, folder: Path, dtype: str, written: Written | None = None) -> None:
        self._folder, self._dtype = folder, np.dtype(dtype)
        found = written or nothing_written()
        self._tokens, self._documents, self._spans = dict(found.tokens), dict(found.documents), dict(found.spans)
        self._last, self._opened, self._end = dict(found.last), found.opened, found.end
        with ExitStack() as stack:
            self._files = {
                (split, kind): stack.enter_context(self._open(split, kind, written))
                for split in SPLITS
                for kind in KINDS
            }
            self._stack = stack.pop_all()

    def _open(self, split: str, kind: str, written: Written | None) -> IO[bytes]:
        path = split_file(self._folder, split, kind)
        if written is None:
            path.write_bytes(bytes(OFFSET_BYTES if kind == "offsets" else 0))
        else:
            os.truncate(path, written.bytes(split, kind, self._dtype.itemsize))
        return path.open("ab")

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def written(self) -> Written:
        """How far the store is. `flush` brings the files as far."""
        lasting = dict(self._tokens), dict(self._documents), dict(self._spans), dict(self._last)
        return Written(*lasting, self._opened, self._end)

    @property
    def is_writing(self) -> bool:
        """Whether a document is begun and not ended."""
        return self._opened is not None

    def flush(self) -> None:
        """Bring what was written to the disk. Raises OSError."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())

    def add(self, encoded: Encoded, is_val: npt.NDArray[np.bool_]) -> None:
        """Append the documents of a batch to `val` or to `train`, (documents,). Raises OSError."""
        starts = np.cumsum(encoded.lengths) - encoded.lengths
        owners = np.searchsorted(starts, encoded.spans[:, 0], side="right") - 1
        for split, chosen in (("train", ~is_val), ("val", is_val)):
            if not chosen.any():
                continue
            ends = self._tokens[split] + np.cumsum(np.where(chosen, encoded.lengths, 0))
            own = chosen[owners]
            shifts = (ends - encoded.lengths - starts)[owners[own]]  # from places in the batch to those in the split
            self._append(split, encoded.ids[np.repeat(chosen, encoded.lengths)])
            self._finish_documents(split, ends[chosen])
            self._supervise(split, encoded.spans[own] + shifts[:, None])

    def extend(self, ids: Ids, *, supervised: bool) -> None:
        """Append tokens, (tokens,), to the document that is being written; one begins where there is none.

        What is supervised is the end of a document. Raises OSError.
        """
        if self._opened is None:
            self._opened, self._end = (self._tokens["train"], None), self._tokens["train"]
        if supervised and self._opened[1] is None:
            self._opened = self._opened[0], self._end
        self._append("train", ids)
        self._end += len(ids)

    def close_document(self, *, is_val: bool) -> bool:
        """End the document that is being written, and return whether it was copied, to `val`.

        Then `trim` must follow, once what is written by now has been noted.
        """
        if self._opened is None:
            raise ValueError("no document is being written")
        (first, supervised), end = self._opened, self._end
        self._opened, self._end = None, 0
        split = "val" if is_val else "train"
        if is_val:
            self._copy(first, end)
        shift = self._tokens[split] - first
        self._finish_documents(split, np.array([end + shift], np.int64))
        if supervised is not None:
            self._supervise(split, np.array([[supervised, end]], np.int64) + shift)
        return is_val

    def drop_document(self) -> None:
        """Forget the document that is being written; `trim` must follow, as behind one that was copied."""
        self._opened, self._end = None, 0

    def trim(self) -> None:
        """Cut from `train` what was copied to `val`, or dropped. Raises OSError."""
        self._files["train", "tokens"].flush()
        os.truncate(split_file(self._folder, "train", "tokens"), self._tokens["train"] * self._dtype.itemsize)

    def close(self) -> None:
        """Write the last spans, and close the files. Raises OSError."""
        for split in SPLITS:
            self._write_spans(split, np.array([self._last[split]], np.int64))
            self._last[split] = (0, 0)
        self._stack.close()

    def _append(self, split: str, ids: Ids) -> None:
        self._files[split, "tokens"].write(ids.astype(self._dtype).tobytes())

    def _copy(self, first: int, end: int) -> None:
        """Copy tokens of `train` to the end of `val`."""
        self._files["train", "tokens"].flush()
        copy_bytes(
            split_file(self._folder, "train", "tokens"),
            self._files["val", "tokens"],
            first * self._dtype.itemsize,
            end * self._dtype.itemsize,
        )

    def _finish_documents(self, split: str, ends: Spans) -> None:
        self._files[split, "offsets"].write(ends.astype(OFFSET_DTYPE).tobytes())
        self._tokens[split], self._documents[split] = int(ends[-1]), self._documents[split] + len(ends)

    def _supervise(self, split: str, spans: Spans) -> None:
        """Write spans, (spans, 2); one that follows another at once continues it: plain text has few."""
        spans = np.concatenate([np.array([self._last[split]], np.int64), spans[spans[:, 0] < spans[:, 1]]])
        apart = spans[1:, 0] != spans[:-1, 1]
        merged = np.stack([spans[np.append(True, apart), 0], spans[np.append(apart, True), 1]], axis=1)
        self._write_spans(split, merged[:-1])
        self._last[split] = int(merged[-1, 0]), int(merged[-1, 1])

    def _write_spans(self, split: str, spans: Spans) -> None:
        spans = spans[spans[:, 0] < spans[:, 1]]
        self._files[split, "supervised"].write(spans.astype(OFFSET_DTYPE).tobytes())
        self._spans[split] += len(spans)


def copy_bytes(source: Path, target: IO[bytes], start: int, end: int) -> None:
    """Append bytes [start, end) of a file to another one, a few at a time. Raises OSError."""
    with source.open("rb") as file:
        file.seek(start)
        while start < end and (content := file.read(min(COPIED_BYTES, end - start))):
            target.write(content)
            start += len(content)
