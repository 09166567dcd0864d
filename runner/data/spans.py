"""Which tokens of a split are supervised: the beginnings and ends of spans in turn, as one sorted array.

Places are tokens of the split, counted from its first. Spans neither overlap nor touch, so a token is supervised where
an odd number of entries is not beyond it.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.uint64]  # of one type with the spans, for numpy would else copy all of them as floats


def inside(spans: Places, places: Places) -> npt.NDArray[np.bool_]:
    """Whether each place, of any shape, lies in one of the spans, (2 · spans,)."""
    return cast(npt.NDArray[np.bool_], np.searchsorted(spans, places, side="right") % 2 == 1)


def first_inside(spans: Places, starts: Places) -> Places:
    """Return the first place in a span at or behind each start, (documents,); behind the last span there is none."""
    following = np.searchsorted(spans, starts, side="right")
    return np.where(following % 2 == 1, starts, spans[np.minimum(following, len(spans) - 1)])


def covers(spans: Places, start: int, end: int) -> bool:
    """Whether one span holds every place from `start` to before `end`."""
    following = int(np.searchsorted(spans, np.uint64(start), side="right"))
    return following % 2 == 1 and int(spans[following]) >= end


def count_inside(spans: Places, starts: Places, ends: Places) -> npt.NDArray[np.int64]:
    """Return how many supervised tokens lie from each start to before its end, (m,); no start is beyond its end."""
    found = _overlaps(spans, starts, ends)
    return np.bincount(found.range, found.ends - found.begins, len(starts)).astype(np.int64)


def mark_inside(
    spans: Places, starts: Places, ends: Places, places: npt.NDArray[np.int64], length: int
) -> npt.NDArray[np.bool_]:
    """Lay ranges from start to before end, (m,), to places of a line, (length,): one behind the other, with gaps.

    Returns which places of the line lie in a span, never those in a gap.
    """
    found = _overlaps(spans, starts, ends)
    # Where supervised tokens begin and end in turn says how long each run of equal flags is.
    offsets = (places - starts.astype(np.int64))[found.range]
    edges = np.stack([found.begins + offsets, found.ends + offsets], axis=1).reshape(-1)
    runs = np.diff(edges, prepend=0, append=length)
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs)


class _Overlaps(NamedTuple):
    """What spans and ranges have in common, (n,) each, in order: the number of the `range`, and [begin, end)."""

    range: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


def _overlaps(spans: Places, starts: Places, ends: Places) -> _Overlaps:
    """Find what is common to the spans and each range, (m,), by reading its own spans alone: a store has very many."""
    first = np.searchsorted(spans, starts, side="right") // 2  # the first span that ends behind the start
    behind = np.maximum((np.searchsorted(spans, ends, side="left") + 1) // 2, first)
    counts = behind - first
    owner = np.repeat(np.arange(len(counts)), counts)
    numbers = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    begins = np.maximum(spans[2 * numbers], starts[owner]).astype(np.int64)
    return _Overlaps(owner, begins, np.minimum(spans[2 * numbers + 1], ends[owner]).astype(np.int64))
