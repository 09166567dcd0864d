"""Which documents are kept for validation, where no digest fell on `val`: because documents are few.

Of text it depends on what they hold, not on their order, and all copies of one are on one side. Of a file that nobody
may divide otherwise, it is the end. Files are rewritten a few megabytes at a time: what is half done must be made anew.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from runner.data.spans import Places, covers
from runner.data.stores.encode import SPLIT_BYTES
from runner.data.stores.kept import Keys
from runner.data.stores.meta import SPLITS, split_file
from runner.data.stores.store import OFFSET_DTYPE
from runner.data.stores.writer import VAL_ONE_IN, copy_bytes

# A validation text of fewer tokens than this says nothing.
LEAST_VAL_TOKENS = 64
# Whole documents are taken for validation only while they are at most one in this many tokens.
MOST_VAL_ONE_IN = 8

Offsets = npt.NDArray[np.uint64]
Ends = npt.NDArray[np.int64]


class ByPlace(NamedTuple):
    """A split at a place: offsets of both sides as those of the whole, (documents + 1,); `val` is (1,) without any."""

    train: Offsets
    val: Offsets


def by_place(offsets: Offsets, spans: Offsets) -> ByPlace:
    """Give validation the end of a file of documents that begin at these offsets, (documents + 1,).

    Where it begins, `first_of_val` says.
    """
    start = np.array([first_of_val(offsets, spans)], np.uint64)
    behind = int(np.searchsorted(offsets, start[0], side="right"))
    within = start[: int(offsets[behind - 1] < start[0])]  # a document is cut there
    return ByPlace(np.concatenate([offsets[:behind], within]), np.concatenate([start, offsets[behind:]]))


def first_of_val(offsets: Offsets, spans: Offsets, unit: int = 1) -> int:
    """Return the token where validation begins in a file of documents that begin at these offsets, (documents + 1,).

    It gets the last 1/64 of the documents, at least one, when they hold at most 1/8 of the tokens; otherwise the last
    1/64 of the tokens, cut from the last document, if all of it is supervised by `spans`, (2 · spans,), and that is 64
    tokens or more; otherwise the last document, if there are two; otherwise nothing. So many documents as a `unit` has
    stay together.
    """
    documents, end = len(offsets) - 1, int(offsets[-1])
    first = documents - unit * max(1, documents // unit // VAL_ONE_IN)
    cut = min(end // VAL_ONE_IN, int(offsets[-1] - offsets[-2]) // 2) if documents and unit == 1 else 0
    if documents > unit and (end - int(offsets[first])) * MOST_VAL_ONE_IN <= end:
        return int(offsets[first])
    if cut >= LEAST_VAL_TOKENS and covers(spans, int(offsets[-2]), end):
        return end - cut
    return int(offsets[-1 - unit]) if documents > unit else end


class Lowest(NamedTuple):
    """Which documents are for validation, (documents,), or else how many tokens at the end of which one; 0 is none."""

    documents: npt.NDArray[np.bool_]
    cut: int = 0
    of: int = 0


def lowest(digests: npt.NDArray[np.bytes_], lengths: npt.NDArray[np.int64], whole: npt.NDArray[np.bool_]) -> Lowest:
    """Choose for validation among documents of these digests, lengths in tokens, and supervision: all are (documents,).

    Those of the lowest digests, until they are 1/64 of the documents, at least one, and 64 tokens; what would take them
    beyond 1/8 of all tokens is passed over. Where that gives fewer than 64 tokens: the last 1/64 of all, from the end
    of the longest document, if that has no copy, is supervised as a whole, and gives 64. Else the few, or the shortest
    document. Nothing where all are copies of one.
    """
    total = int(lengths.sum())
    _, first, group, copies = np.unique(digests, return_index=True, return_inverse=True, return_counts=True)
    tokens = np.bincount(group, lengths, len(first)).astype(np.int64)  # of each content, by its digest
    taken, documents, held = np.zeros(len(first), np.bool_), 0, 0
    for number in np.flatnonzero(tokens * MOST_VAL_ONE_IN <= total).tolist():
        if documents >= max(1, len(lengths) // VAL_ONE_IN) and held >= LEAST_VAL_TOKENS:
            break
        if (held + int(tokens[number])) * MOST_VAL_ONE_IN <= total:
            taken[number] = True
            documents, held = documents + int(copies[number]), held + int(tokens[number])
    if held >= LEAST_VAL_TOKENS:
        return Lowest(taken[group])
    candidates = np.flatnonzero((copies == 1) & whole[first])
    if len(candidates):
        longest = int(first[candidates[np.argmax(lengths[first[candidates]])]])
        cut = min(total // VAL_ONE_IN, int(lengths[longest]) // 2)
        if cut >= LEAST_VAL_TOKENS:
            return Lowest(np.zeros(len(lengths), np.bool_), cut, longest)
    if not documents and len(first) > 1:
        taken[np.argmin(tokens)] = True
    return Lowest(taken[group])


class Run(NamedTuple):
    """Tokens [start, end) that go to one split."""

    start: int
    end: int
    split: str


def divide_by_content(folder: Path, itemsize: int, digests: Keys, unit: int = 1) -> None:
    """Give `val` documents of `train`, which has all, by their digests, (documents,). Raises OSError.

    Those of a `unit` stay together, and with others whose digests begin alike.
    """
    if not len(digests):
        return
    offsets = np.fromfile(split_file(folder, "train", "offsets"), OFFSET_DTYPE).astype(np.int64)
    spans = np.fromfile(split_file(folder, "train", "supervised"), OFFSET_DTYPE)
    chosen = lowest(
        digests if unit == 1 else digests[::unit].astype(f"S{SPLIT_BYTES}"),
        np.diff(offsets[::unit]),
        _is_whole(offsets, spans)[::unit] & (unit == 1),
    )
    chosen = chosen._replace(documents=np.repeat(chosen.documents, unit))
    runs = list(_runs(offsets, chosen))
    if not any(run.split == "val" for run in runs):
        return
    _move_tokens(folder, runs, itemsize)
    lengths = np.diff(offsets)
    lengths[chosen.of] -= chosen.cut
    ends = {
        "train": np.cumsum(lengths[~chosen.documents]),
        "val": np.array([chosen.cut]) if chosen.cut else np.cumsum(lengths[chosen.documents]),
    }
    for split in SPLITS:
        found = np.concatenate([np.zeros(1, np.int64), ends[split]])
        found.astype(OFFSET_DTYPE).tofile(split_file(folder, split, "offsets"))
        spans_of_runs(spans, [run for run in runs if run.split == split]).tofile(
            split_file(folder, split, "supervised")
        )


def _is_whole(offsets: Ends, spans: Places) -> npt.NDArray[np.bool_]:
    """Say of which documents every token is supervised, (documents,)."""
    behind = np.searchsorted(spans, offsets[:-1].astype(np.uint64), side="right")
    ends = np.append(spans, np.uint64(0))[np.minimum(behind, len(spans))]
    return (behind % 2 == 1) & (ends.astype(np.int64) >= offsets[1:])


def _runs(offsets: Ends, chosen: Lowest) -> Iterator[Run]:
    """Yield what goes to one split after the other, in the order of the tokens."""
    if chosen.cut:
        end = int(offsets[chosen.of + 1])
        start = end - chosen.cut
        parts = [(0, start, "train"), (start, end, "val"), (end, int(offsets[-1]), "train")]
    else:
        changes = np.flatnonzero(np.diff(chosen.documents)) + 1
        firsts = [0, *changes.tolist(), len(chosen.documents)]
        parts = [
            (int(offsets[first]), int(offsets[last]), "val" if chosen.documents[first] else "train")
            for first, last in itertools.pairwise(firsts)
        ]
    yield from (Run(start, end, split) for start, end, split in parts if start < end)


def _move_tokens(folder: Path, runs: list[Run], itemsize: int) -> None:
    tokens, rest = split_file(folder, "train", "tokens"), folder / "rest.bin"
    with rest.open("wb") as train, split_file(folder, "val", "tokens").open("wb") as val:
        for run in runs:
            copy_bytes(tokens, val if run.split == "val" else train, run.start * itemsize, run.end * itemsize)
    rest.replace(tokens)


def spans_of_runs(spans: Places, runs: list[Run]) -> Places:
    """Return the spans of the tokens of these runs, put one behind the other; those that touch are one."""
    found = list[list[int]]()
    place = 0
    for run in runs:
        first = int(np.searchsorted(spans, np.uint64(run.start), side="right")) // 2 * 2
        last = (int(np.searchsorted(spans, np.uint64(run.end), side="left")) + 1) // 2 * 2
        for start, end in spans[first:last].astype(np.int64).reshape(-1, 2).tolist():
            start, end = (max(run.start, min(run.end, each)) - run.start + place for each in (start, end))
            if found and found[-1][1] == start:
                found[-1][1] = end
            elif start < end:
                found.append([start, end])
        place += run.end - run.start
    return np.array(found, OFFSET_DTYPE).reshape(-1)
