"""What stands at a place of a spec that is being written: found by indentation, so that half a line is enough.

For editors. Inside of `{…}` and `[…]` the brackets say it: `flow.py` counts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schema.editor.flow import COMMENT, QUOTED, Hit, flow_at
from schema.text.source import Path

LINE = re.compile(r"(?P<indent> *)(?P<dashes>(?:- +|-$)*)(?P<key>[A-Za-z0-9_.<-]*)(?P<colon>:(?=\s|$))?(?P<value>.*)")
ITEM = re.compile(r" *- +(?:- +)*(?P<word>[^\s:{\[][^\s{\[]*|) *")  # a value behind its dash, or a place for one
NO_VALUE = re.compile(r"(\s+[&!]\S*)*\s*(#.*)?")  # the value may follow below
TEXT_OR_COMMENT = re.compile(rf"{QUOTED}|(?P<comment>{COMMENT})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The mapping that a place belongs to, and the entry of it that is being written.

    `path` leads to the mapping, with 0 for every list on the way; `key` is the entry's key or its beginning; `colon`
    says that a colon follows it, `in_value` that the place lies behind that colon; `siblings` are the other keys of the
    mapping; `start` and `end` are the columns, from 0, of the key or the value at the place; `in_flow` says {…}.
    """

    path: Path
    key: str
    colon: bool
    in_value: bool
    siblings: frozenset[str]
    start: int
    end: int
    in_flow: bool = False


class Item(NamedTuple):
    """An item of a list that is being written: the path of the list, and the columns, from 0, of the item.

    `others` is what the other items of the list are called, as far as they are single values.
    """

    path: Path
    others: frozenset[str]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Shape:
    """A line: the columns of its dashes and of its key, from 0."""

    dashes: tuple[int, ...]
    column: int
    key: str
    opens: bool


def cursor_at(lines: Sequence[str], line: int, column: int) -> Cursor | None:
    """Say what stands at a line and a column, both from 0; lines below the last are empty.

    None where nothing of a mapping can stand: in a comment, in the indentation, behind a collection.
    """
    text = lines[line] if line < len(lines) else ""
    if column > _comment(text):
        return None
    flow = _flow(lines, line, column)
    if flow is not None:
        return _flow_cursor(flow)
    shape = _shape(text)
    if shape is None:  # an empty line: the place itself is where a key would begin
        shape = _Shape((), column, "", False)
        return _cursor(lines, line, shape, False, False, (column, column))
    found = LINE.match(text)
    assert found is not None  # every part may be empty
    colon = found["colon"] is not None
    in_value = colon and column > found.end("colon")
    start, end = found.span("key")
    if in_value:
        value = text[found.end("colon") : _comment(text)]
        if value.lstrip()[:1] in ("{", "["):
            return None
        end = found.end("colon") + len(value.rstrip()) if value.strip() else column
        start, end = min(end - len(value.strip()), column), max(end, column)
    elif not start <= column <= end or (not found["key"] and found["value"].strip()):
        return None
    return _cursor(lines, line, shape, colon, in_value, (start, end))


def item_at(lines: Sequence[str], line: int, column: int) -> Item | None:
    """Say which item of a list stands at a line and a column, both from 0; None where it is no single value."""
    text = lines[line] if line < len(lines) else ""
    if column > _comment(text):
        return None
    if flow := _flow(lines, line, column):
        others = frozenset(each.key for each in flow.frame.entries if each is not flow.entry)
        return None if flow.frame.mapping else Item(flow.path, others, flow.start, flow.end)
    found = ITEM.fullmatch(text[: _comment(text)])
    shape = _shape(text)
    if found is None or shape is None or not found.start("word") <= column <= found.end("word"):
        return None
    others = frozenset((*_items(lines[line - 1 :: -1] if line else (), shape), *_items(lines[line + 1 :], shape)))
    return Item(_parents(lines, line, shape)[:-1], others, *found.span("word"))


def _items(lines: Sequence[str], shape: _Shape) -> Iterator[str]:
    """The items of a list on these lines, up to the first that is none of it."""
    for text in lines:
        found, other = ITEM.fullmatch(text[: _comment(text)]), _shape(text)
        if other is None:
            continue
        if found is None or other.dashes[-1:] != shape.dashes[-1:]:
            return
        yield found["word"]


def _comment(text: str) -> int:
    """The column, from 0, where the comment of a line begins; its length where there is none."""
    return next((found.start() for found in TEXT_OR_COMMENT.finditer(text) if found["comment"]), len(text))


def _cursor(
    lines: Sequence[str], line: int, shape: _Shape, colon: bool, in_value: bool, word: tuple[int, int]
) -> Cursor:
    siblings = frozenset(_siblings(lines, line, shape))
    return Cursor(_parents(lines, line, shape), shape.key, colon, in_value, siblings, *word)


def _flow_cursor(hit: Hit) -> Cursor | None:
    """None for an item of a list."""
    if not hit.frame.mapping:
        return None
    siblings = frozenset(each.key for each in hit.frame.entries if each is not hit.entry)
    entry = hit.entry
    return Cursor(hit.path, entry.key, entry.colon, hit.in_value, siblings, hit.start, hit.end, in_flow=True)


def _flow(lines: Sequence[str], line: int, column: int) -> Hit | None:
    """What stands at a place in the outermost {…} or […] that is open there; None where none is."""
    found: Hit | None = None
    least: int | None = None
    for number in range(min(line, len(lines) - 1), -1, -1):
        text = lines[number]
        shape = _shape(text)
        if shape is None:
            continue
        indent = len(text) - len(text.lstrip())
        below, least = least, indent if least is None else min(indent, least)
        parts = LINE.match(text)
        assert parts is not None
        value = parts["value"].lstrip()
        begin = parts.end("value") - len(value)
        deeper = below is None or below > indent or (begin == 0 == below)  # a whole text may be {…}
        if value[:1] in ("{", "[") and deeper:
            path = _parents(lines, number, shape)
            hit = flow_at(lines, (number, begin), (*path, shape.key) if shape.key else path, (line, column))
            found = hit or found
        if indent == 0 and text[0] not in "]}":
            break
    return found


def _shape(text: str) -> _Shape | None:
    """The shape of a line; None for one that is empty or a comment."""
    if not text.strip() or text.lstrip().startswith("#"):
        return None
    found = LINE.match(text)
    assert found is not None
    dashes = tuple(match.start() + len(found["indent"]) for match in re.finditer("-", found["dashes"]))
    opens = found["colon"] is not None and NO_VALUE.fullmatch(found["value"]) is not None
    return _Shape(dashes, found.start("key"), found["key"], opens)


def _parents(lines: Sequence[str], line: int, shape: _Shape) -> Path:
    """The path of the mapping in which a line stands: what holds it, what holds that, and so on."""
    path: Path = ()
    dashes, column = shape.dashes, shape.column
    while True:
        path = (0,) * len(dashes) + path
        in_list, limit = bool(dashes), dashes[0] if dashes else column
        for line in range(line - 1, -1, -1):  # noqa: B020  the search continues where it stopped
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
