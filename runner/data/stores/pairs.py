"""Pairs of documents in a split, a chosen answer and a rejected one: their lengths, and where they begin to differ.

A pair is documents 2i and 2i + 1. Tokens are read a few million at a time, and never as objects of Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

TOKENS_AT_ONCE = 2**22

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
    shorter = np.diff(starts).min(axis=1)
    ends = np.cumsum(shorter)
    # One entry for each token of the shorter sides, (compared,): which pair it is of, and its place in it.
    pair = np.repeat(np.arange(len(pairs)), shorter)
    place = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - shorter, shorter)
    differs = np.flatnonzero(tokens[starts[pair, 0] + place] != tokens[starts[pair, 1] + place])
    found = shorter.copy()
    np.minimum.at(found, pair[differs], place[differs])
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
