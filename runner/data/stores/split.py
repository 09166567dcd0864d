"""Which documents are kept for validation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from runner.data.spans import covers

VAL_ONE_IN = 64
# A validation text of fewer tokens than this says nothing.
LEAST_VAL_TOKENS = 64
# Whole documents are taken for validation only while they are at most one in this many tokens.
MOST_VAL_ONE_IN = 8

Offsets = npt.NDArray[np.uint64]


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
