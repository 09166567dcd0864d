"""Which examples share a row of style PACKED: best fit decreasing, within windows of examples in the order of a store.

A pure function of lengths, of the standard library alone: the planner counts rows by it without numpy. What it returns
must never change for the same lengths, since a run that resumes reads the rows that it began with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

# Examples that are packed together: enough of them fill rows to 99 % and more, and few are held at a time.
WINDOW = 2**13


def pack(lengths: Iterable[int], width: int, *, drop: bool) -> Iterator[list[list[int]]]:
    """Yield the rows of each window: the numbers of the examples in each, in the order of the store.

    A row holds at most `width` tokens. A longer example has a row of its own, as it is cut to fill one, or none with
    `drop`. The rows of a window stand in the order of their first examples.
    """
    remaining, first = iter(lengths), 0
    while window := list(islice(remaining, WINDOW)):
        yield _pack_window(window, first, width, drop)
        first += len(window)


def _pack_window(lengths: list[int], first: int, width: int, drop: bool) -> list[list[int]]:
    """Put the longest example first, each into the fullest row that has room for it: a few operations an example."""
    rows: list[list[int]] = []
    with_room: list[list[list[int]]] = [[] for _ in range(width)]  # rows by the number of tokens that still fit
    rooms = 0  # bit r is set where with_room[r] has rows: one shift finds the least room that is enough
    for place in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        length = lengths[place]
        if length > width:
            if drop:
                continue
            length = width
        enough = rooms >> length
        if enough:
            room = length + (enough & -enough).bit_length() - 1
            row = with_room[room].pop()
            if not with_room[room]:
                rooms ^= 1 << room
        else:
            room, row = width, []
            rows.append(row)
        row.append(first + place)
        if left := room - length:
            with_room[left].append(row)
            rooms |= 1 << left
    for row in rows:
        row.sort()
    rows.sort()
    return rows
