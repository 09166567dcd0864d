"""What stands at a place inside of `{…}` or `[…]` that is being written: brackets are counted, so that open ones do.

For editors; `cursor.py` says where a flow collection begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from schema.text.source import Path

# A quotation mark within a word is a letter of it.
QUOTED = r"""(?<![^\s,\[{:])"(?:\\.|[^"\\])*"?|(?<![^\s,\[{:])'(?:''|[^'])*'?"""
COMMENT = r"(?<!\S)#.*"
TOKEN = re.compile(rf"{QUOTED}|{COMMENT}|[\[\]{{}},]|:(?=[\s,\[\]{{}}]|$)|(?:[^\s,\[\]{{}}:]|:(?![\s,\[\]{{}}]|$))+")

Place = tuple[int, int]


@dataclass(slots=True)
class Entry:
    """An entry of a flow mapping; `colon` says that its key has ended."""

    key: str = ""
    colon: bool = False


@dataclass(slots=True, eq=False)
class Frame:
    """A collection and its entries so far; `name` is what holds it in the collection around it: a key, or 0."""

    mapping: bool
    name: str | int
    entries: list[Entry] = field(default_factory=lambda: [Entry()])


@dataclass(frozen=True, slots=True)
class Hit:
    """The innermost collection around a place, the entry there, and the columns from 0 of the word there.

    `path` leads to the collection, with 0 for every list on the way; `depth` is how many are open.
    """

    frame: Frame
    path: Path
    depth: int
    entry: Entry
    in_value: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    line: int
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.text not in (*"[]{},:",) and not self.text.startswith("#")


def flow_at(lines: Sequence[str], begin: Place, path: Path, place: Place) -> Hit | None:
    """Say what stands at a place, in the collection with this path that begins at another place.

    None where the place is outside, or in a comment.
    """
    stack: list[Frame] = []
    hit: Hit | None = None
    for token in _tokens(lines, begin, place[0]):
        if token.text.startswith("#"):
            if hit is None and (token.line, token.start) < place <= (token.line, token.end):
                return None
            continue
        hit = hit or _hit(stack, token, path, place)
        _take(stack, token)
        if not stack or (hit and len(stack) < hit.depth):
            return hit
    return hit or _found(stack, path, place[1], place[1]) if stack else None


def _tokens(lines: Sequence[str], begin: Place, last: int) -> Iterator[_Token]:
    """The tokens from a place on; below the line `last`, as far as the lines stand deeper than the first."""
    least = _indent(lines[begin[0]]) if begin[1] else -1
    for number in range(begin[0], len(lines)):
        text = lines[number]
        if number > last and text.strip() and _indent(text) <= least and text.strip()[0] not in "]}":
            return
        for match in TOKEN.finditer(text, begin[1] if number == begin[0] else 0):
            yield _Token(match[0], number, match.start(), match.end())


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _hit(stack: list[Frame], token: _Token, path: Path, place: Place) -> Hit | None:
    """What stands at a place that this token covers, or that lies before it."""
    if not stack or place > (token.line, token.end if token.is_word else token.start):
        return None
    if token.is_word and place >= (token.line, token.start):
        return _found(stack, path, token.start, token.end)
    return _found(stack, path, place[1], place[1])


def _found(stack: list[Frame], path: Path, start: int, end: int) -> Hit:
    entry = stack[-1].entries[-1]
    whole = (*path, *(frame.name for frame in stack[1:]))
    return Hit(stack[-1], whole, len(stack), entry, entry.colon, start, end)


def _take(stack: list[Frame], token: _Token) -> None:
    """Go on behind a token."""
    if token.text in ("[", "{"):
        parent = stack[-1] if stack else None
        name = parent.entries[-1].key if parent and parent.mapping else 0
        stack.append(Frame(token.text == "{", name))
    elif not stack:
        return
    elif token.text in ("]", "}"):
        stack.pop()
    elif token.text == ",":
        stack[-1].entries.append(Entry())
    elif token.text == ":":
        stack[-1].entries[-1].colon = True
    elif token.is_word and not stack[-1].entries[-1].key:
        stack[-1].entries[-1].key = token.text.strip("\"'")
