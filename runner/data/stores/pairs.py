"""Pairs of documents in a split, a chosen answer and a rejected one: their lengths, and where they begin to differ.

A pair is documents 2i and 2i + 1. Tokens are read about a million at a time, and never as objects of Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

TOKENS_AT_ONCE, COLUMNS_AT_ONCE = 2**20, 32

Offsets = npt.NDArray[np.uint64]
Tokens = npt.NDArray[np.unsignedinteger[Any]]


def longest_sides(offsets: Offsets) -> dict[int, int]:
    """How many pairs of a split have a longer side of which length."""
    return _counts(np.diff(offsets).reshape(-1, 2).max(axis=1))


def places_apart(tokens: Tokens, offsets: Offsets) -> dict[int, int]:
    """How many pairs of a split begin to differ at which token."""
    return _counts(np.concatenate([apart_at(tokens, offsets, pairs) for pairs in _groups(offsets)]))


def apart_at(tokens: Tokens, offsets: Offsets, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the first token, counted from 0, at which the sides of each pair differ, (pairs,).

    Where one side is the beginning of the other, that is the length of the shorter one.
    """
    starts = offsets[2 * pairs[:, None] + np.arange(3)].astype(np.int64)  # (pairs, 3): both sides, and the end
    found = np.diff(starts).min(axis=1)
    undecided, first = np.arange(len(pairs)), 0
    while len(undecided):
        # A few tokens of both sides at a time, (undecided, columns): most pairs differ soon behind their prompt.
        shorter, columns = found[undecided, None], first + np.arange(COLUMNS_AT_ONCE)
        places = np.minimum(columns, shorter - 1)
        sides = (tokens[starts[undecided, side, None] + places] for side in range(2))
        differs = np.not_equal(*sides) & (columns < shorter)
        is_apart = differs.any(axis=1)
        found[undecided[is_apart]] = first + differs[is_apart].argmax(axis=1)
        first += COLUMNS_AT_ONCE
        undecided = undecided[~is_apart & (shorter[:, 0] > first)]
    return found


def _groups(offsets: Offsets) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the numbers of pairs, in groups of so many tokens, or of one pair."""
    ends = offsets[2::2].astype(np.int64)
    first = 0
    while first < len(ends):
        before = int(offsets[2 * first])
        last = max(first + 1, int(np.searchsorted(ends, before + TOKENS_AT_ONCE, "right")))
        yield np.arange(first, last, dtype=np.int64)
        first = last


def _counts(values: npt.NDArray[Any]) -> dict[int, int]:
    found, pairs = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), pairs.tolist(), strict=True))
