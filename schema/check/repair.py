"""A change of some lines after which a text is YAML, and the lines at which a slip may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from schema.text.source import SourceError

REACH = 3  # lines above the one that the reader stopped at
COMMENT = re.compile(r"(?:^|\s)#")


class Repair(NamedTuple):
    """New texts of lines by their numbers, the place to show, what is wrong there, and what to write."""

    lines: dict[int, str]
    line: int
    column: int
    message: str
    remedy: str
    certain: bool = True


def near(lines: list[str], error: SourceError) -> Iterator[tuple[int, str]]:
    """Yield the lines at which the slip may be, the one that the reader stopped at first."""
    places = {error.span.line, *(related.span.line for related in error.related)}
    wanted = [*sorted(places, reverse=True), *(error.span.line - above for above in range(1, REACH + 1))]
    for number in dict.fromkeys(wanted):
        if 0 < number <= len(lines) and not lines[number - 1].lstrip().startswith("#"):
            yield number, lines[number - 1]
