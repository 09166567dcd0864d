"""What stands at a place of a spec that is being written: found by indentation, so that half a line is enough.

For editors. It reads block style only; a flow mapping that spans the place is one value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schema.findings import Path

LINE = re.compile(r"(?P<indent> *)(?P<dashes>(?:- +|-$)*)(?P<key>[A-Za-z0-9_.<-]*)(?P<colon>:(?=\s|$))?(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The mapping that a place belongs to, and the entry of it that is being written.

    `path` leads to the mapping, with 0 for every list on the way; `key` is the entry's key or its beginning;
    `in_value` says that the place lies behind the colon; `siblings` are the keys of the mapping's other lines;
    `start` is the column, from 0, where the key or the value begins.
    """

    path: Path
    key: str
    in_value: bool
    siblings: frozenset[str]
    start: int


@dataclass(frozen=True, slots=True)
class _Shape:
    """A line: the columns of its dashes and of its key, from 0."""

    dashes: tuple[int, ...]
    column: int
    key: str
    opens: bool


def cursor_at(lines: Sequence[str], line: int, column: int) -> Cursor:
    """Say what stands at a line and a column, both from 0; lines below the last are empty."""
    text = lines[line] if line < len(lines) else ""
    found = LINE.match(text)
    assert found is not None  # every part may be empty
    in_value = found["colon"] is not None and column > found.end("colon")
    start = found.end("colon") + len(found["value"]) - len(found["value"].lstrip()) if in_value else found.start("key")
    shape = _shape(text)
    if shape is None:  # an empty line: the place itself is where a key would begin
        shape = _Shape((), column, "", False)
        start = column
    siblings = frozenset(_siblings(lines, line, shape))
    return Cursor(_parents(lines, line, shape), shape.key, in_value, siblings, start)


def key_path(lines: Sequence[str], line: int) -> Path:
    """Return the path of the key that stands on a line, lists counted as 0; empty where there is none."""
    shape = _shape(lines[line]) if line < len(lines) else None
    return (*_parents(lines, line, shape), shape.key) if shape and shape.key else ()


def _shape(text: str) -> _Shape | None:
    """The shape of a line; None for one that is empty or a comment."""
    if not text.strip() or text.lstrip().startswith("#"):
        return None
    found = LINE.match(text)
    assert found is not None
    dashes = tuple(match.start() + len(found["indent"]) for match in re.finditer("-", found["dashes"]))
    value = found["value"].strip()
    opens = found["colon"] is not None and (not value or value.startswith("#"))
    return _Shape(dashes, found.start("key"), found["key"], opens)


def _parents(lines: Sequence[str], line: int, shape: _Shape) -> Path:
    """The path of the mapping in which a line stands: what holds it, what holds that, and so on."""
    path: Path = ()
    dashes, column = shape.dashes, shape.column
    while True:
        path = (0,) * len(dashes) + path
        in_list, limit = bool(dashes), dashes[0] if dashes else column
        for line in range(line - 1, -1, -1):  # noqa: B020  the search goes on where it stopped
            above = _shape(lines[line])
            if above is None:
                continue
            if in_list and limit in above.dashes[1:]:  # an item of the same inner list
                dashes, column = above.dashes[: above.dashes.index(limit)], limit
                break
            if not in_list and above.dashes and above.column == column:  # the first key of the same item
                dashes = above.dashes
                break
            if above.opens and (above.column < limit or (in_list and above.column == limit)):
                path, dashes, column = (above.key, *path), above.dashes, above.column
                break
        else:
            return path


def _siblings(lines: Sequence[str], line: int, shape: _Shape) -> Iterator[str]:
    """The keys of the other lines of the same mapping."""
    for number in range(line - 1, -1, -1) if not shape.dashes else ():
        above = _shape(lines[number])
        if above is None:
            continue
        if above.column == shape.column and above.key:
            yield above.key
        if above.column < shape.column or (above.column == shape.column and above.dashes):
            break
    for number in range(line + 1, len(lines)):
        below = _shape(lines[number])
        if below is None:
            continue
        if below.column < shape.column or (below.column == shape.column and below.dashes):
            break
        if below.column == shape.column and below.key:
            yield below.key
