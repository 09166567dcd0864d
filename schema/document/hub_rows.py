"""Which rows of a hub dataset a spec asks for: a split, or a part of it as Hugging Face `datasets` writes one."""

from __future__ import annotations

import re
from typing import NamedTuple

SPLIT = re.compile(r"(?P<name>\w+(?:[.-]\w+)*)(?:\[(?P<start>[\d_]*):(?P<stop>[\d_]*)\])?")


class HubRows(NamedTuple):
    """Rows `start` to `stop` of a split, counted from 0 and `stop` not among them; None is its end."""

    split: str
    start: int = 0
    stop: int | None = None


def read_rows(written: str) -> HubRows | None:
    """Read SPLIT, SPLIT[:1000] or SPLIT[500:1500]; None for what is written otherwise, and for no rows."""
    found = SPLIT.fullmatch(written)
    if found is None:
        return None
    try:
        start, stop = (int(bound) if bound else None for bound in found.group("start", "stop"))
    except ValueError:  # underscores that stand alone
        return None
    rows = HubRows(found["name"], start or 0, stop)
    return None if rows.stop is not None and rows.stop <= rows.start else rows


def overlap(one: HubRows, other: HubRows) -> bool:
    """Whether two parts of a set have rows in common, as far as their numbers say."""
    begins = max(one.start, other.start)
    return one.split == other.split and all(part.stop is None or begins < part.stop for part in (one, other))
