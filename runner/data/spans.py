"""Which tokens of a split are supervised: the beginnings and ends of spans in turn, as one sorted array.

Places are tokens of the split, counted from its first. Spans neither overlap nor touch, so a token is supervised where
an odd number of entries is not beyond it.
"""

from __future__ import annotations

from typing import cast

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
    """Return how many supervised tokens each range from start to before end holds, (m,); no start is beyond its end.

    Reads the entries within the ranges alone, of which a row has few and a store may have very many.
    """
    # A range counts the ends within it less the beginnings within it, less its start where that lies in a span, and its
    # end where that does. All in uint64, which wraps around: the differences are small.
    first = np.searchsorted(spans, starts, side="right")
    behind = np.maximum(np.searchsorted(spans, ends, side="left"), first)
    entries = behind - first  # (m,)
    last = np.cumsum(entries)
    numbers = np.arange(entries.sum()) + np.repeat(first + entries - last, entries)  # of every entry within a range
    found = np.where(numbers % 2 == 1, spans[numbers], -spans[numbers])
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(found)])
    counted = sums[last] - sums[last - entries]
    begun, open_ = (first % 2).astype(np.uint64), (behind % 2).astype(np.uint64)
    return cast(npt.NDArray[np.int64], (counted - starts * begun + ends * open_).astype(np.int64))


def divide(spans: Places, place: int) -> tuple[Places, Places]:
    """Divide spans at a place, which may lie in one; those behind it are counted from there."""
    cut = np.array([place], np.uint64)
    (before,), (behind,) = (np.searchsorted(spans, cut, side=side).tolist() for side in ("left", "right"))
    first = np.concatenate([spans[:before], cut[: before % 2]])
    return first, np.concatenate([cut[: behind % 2], spans[behind:]]) - cut
