"""Edits of a spec's text that keep its comments, order and quoting: replace, rename, remove, insert.

Each returns None where the text can't be edited without touching something else: a value that an alias
shares or a merge key brings in, a `--set` argument, a collection with comments between its parts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from schema.text.diagnostic import Edit, Span
from schema.text.ownership import Ownership
from schema.text.source import Mapping, Node, Path, Scalar, Sequence

Place = tuple[int, int]  # line and column, counted from 1
Groups = tuple[tuple[Node, ...], ...]  # the entries of a mapping, or the items of a list
Lines = tuple[str, ...]
# What stands before the bracket of a collection in flow style: an anchor, a tag.
BRACKET = re.compile(r"(?:[&!]\S*\s+)*[\[{]")


@dataclass(frozen=True)
class Edits:
    """Makes edits of the tree below `root`, which the text of the spec gave."""

    root: Mapping

    @cached_property
    def _own(self) -> Ownership:
        return Ownership(self.root)

    def key(self, path: Path) -> Scalar | None:
        """The key at a path, when it is written once and stands for this path alone."""
        return self._own.key(path)

    def replace(self, path: Path, text: str) -> Edit | None:
        """Write another single value."""
        node = self._own.node(path)
        if not isinstance(node, Scalar) or node.span.line != node.span.end_line or not node.text:
            return None
        return Edit(node.span, text)

    def write(self, path: Path, text: str) -> Edit | None:
        """Write another value, in one line, in place of a single one or of a whole collection without comments."""
        node = self._own.node(path)
        if node is None or isinstance(node, Scalar):
            return self.replace(path, text)
        start, end = _start(node), end_of(node)
        within = [self._line(number) for number in range(start[0], end[0])]
        if not self._own.alone((node,)) or any("#" in line for line in within):
            return None
        return Edit(self._span(start, end), text)

    def rename(self, path: Path, name: str) -> Edit | None:
        """Write another name for a key."""
        key = self._own.key(path)
        return Edit(key.span, name) if key else None

    def wrap(self, path: Path) -> Edit | None:
        """Make a list of a single value or of a list, which becomes its only item."""
        node = self._own.node(path)
        one = isinstance(node, Scalar) and self.replace(path, "") is not None
        if node is None or not (one or (isinstance(node, Sequence) and node.items)) or not self._own.alone((node,)):
            return None
        start, end = _start(node), end_of(node)
        lines = [self._line(number) for number in range(start[0], end[0] + 1)]
        lines[-1] = lines[-1][: end[1] - 1]
        lines[0] = lines[0][start[1] - 1 :]
        in_brackets = one or _bracket(node)
        if not in_brackets and lines[0].startswith(("&", "!")):
            return None
        if not in_brackets:
            lines = [f"- {lines[0]}", *(f"  {line}" if line.strip() else "" for line in lines[1:])]
        text = "\n".join(lines)
        return Edit(self._span(start, end), f"[{text}]" if in_brackets else text)

    def remove(self, path: Path) -> Edit | None:
        """Take out a key with its value and the comment behind it, or an item of a list.

        A mapping that would be left empty goes with its last key; a list keeps its last item, and comments
        inside of what would go keep it in place.
        """
        parent = self._own.node(path[:-1]) if path else None
        if isinstance(parent, Sequence):
            if len(parent.items) == 1 and not _bracket(parent):
                return None
            return self._removed(parent, tuple((item,) for item in parent.items), int(path[-1]))
        if not isinstance(parent, Mapping) or self._own.key(path) is None:
            return None
        return self._removed_entry(path, parent, [key.text for key, _ in parent.entries].index(str(path[-1])))

    def remove_repeated(self, path: Path, key: Span) -> Edit | None:
        """Take out the entry of a mapping whose key stands at this place, of several with one name."""
        parent = self._own.node(path[:-1])
        if not isinstance(parent, Mapping):
            return None
        index = next((index for index, (own, _) in enumerate(parent.entries) if own.span == key), None)
        return None if index is None else self._removed_entry(path, parent, index)

    def _removed_entry(self, path: Path, parent: Mapping, index: int) -> Edit | None:
        if len(parent.entries) == 1 and not _bracket(parent):
            return self.remove(path[:-1]) if len(path) > 1 and isinstance(path[-2], str) else None
        return self._removed(parent, parent.entries, index)

    def insert(self, path: Path, text: str) -> Edit | None:
        """Add a key with a single value, and the mappings above it that are not there yet."""
        at = len(path) - 1
        while not isinstance(parent := self._own.node(path[:at]), Mapping):
            if parent is not None or at == 0:
                return None
            at -= 1
        names = [str(part) for part in path[at:]]
        if any(key.text == names[0] for key, _ in parent.entries) or not self._own.alone(*parent.entries[-1:]):
            return None
        if _bracket(parent):
            written = "".join(f"{name}: {{" for name in names[:-1]) + f"{names[-1]}: {text}" + "}" * (len(names) - 1)
            if not parent.entries:
                return self._at((parent.span.line, parent.span.column + _bracket(parent)), written)
            return self._at(max(end_of(part) for entry in parent.entries for part in entry), f", {written}")
        if not parent.entries or not self._own.owns(parent) or not _leads(self._before(parent.entries[0][0])):
            return None
        indent, last = parent.entries[0][0].span.column - 1, max(end_of(part) for part in parent.entries[-1])
        lines = [" " * (indent + 2 * depth) + f"{name}:" for depth, name in enumerate(names)]
        return self._at((last[0], len(self._line(last[0])) + 1), "".join(f"\n{line}" for line in lines) + f" {text}")

    def _removed(self, parent: Node, groups: Groups, index: int) -> Edit | None:
        """Take one of several groups of nodes out of the collection that they make up."""
        last, flow = index + 1 == len(groups), _bracket(parent) > 0
        measured = groups[index + 1][:1] if not last else groups[index - 1] if flow and index else ()
        if not self._own.alone(groups[index], measured):
            return None
        start, end = _start(groups[index][0]), max(map(end_of, groups[index]))
        following = None if last else _start(groups[index + 1][0])
        if flow:
            if following or index == 0:
                return self._cut(start, following or end)
            return self._cut(max(map(end_of, measured)), end)
        if isinstance(parent, Sequence):
            lines = self.root.span.origin.lines
            start, following = _dash(lines, start), _dash(lines, following) if following else None
        before, behind = self._line(start[0])[: start[1] - 1], self._line(end[0])[end[1] - 1 :].strip()
        inner = (self._line(number).strip() for number in range(start[0] + 1, end[0]))
        if (behind and not behind.startswith("#")) or any(line.startswith("#") for line in inner):
            return None
        if not before.strip():
            return Edit(self._span((start[0], 1), (end[0] + 1, 1)), "")
        return self._cut(start, following) if following and _leads(before) else None

    def _cut(self, start: Place, end: Place) -> Edit | None:
        """Delete a range that holds no comment of others."""
        lines = [self._line(number) for number in range(start[0], end[0] + 1)]
        lines[-1] = lines[-1][: end[1] - 1]
        lines[0] = lines[0][start[1] - 1 :]
        return None if len(lines) > 1 and any("#" in line for line in lines) else Edit(self._span(start, end), "")

    def _at(self, place: Place, text: str) -> Edit:
        return Edit(self._span(place, place), text)

    def _span(self, start: Place, end: Place) -> Span:
        return Span(self.root.span.origin, *start, *end)

    def _line(self, number: int) -> str:
        return self.root.span.origin.lines[number - 1]

    def _before(self, node: Node) -> str:
        return self._line(node.span.line)[: node.span.column - 1]


def _leads(before: str) -> bool:
    """Whether what stands before a key on its line is nothing but the dashes of a list: no '?', no anchor."""
    return not before.replace("-", " ").strip()


def _bracket(node: Node) -> int:
    """Columns up to the end of the bracket that opens a collection in flow style; 0 in block style."""
    found = BRACKET.match(node.span.origin.lines[node.span.line - 1], node.span.column - 1)
    return found.end() - node.span.column + 1 if found else 0


def _dash(lines: Lines, start: Place) -> Place:
    """The dash before an item of a block list, which may stand on a line of its own."""
    line, column = start
    while (found := lines[line - 1].rfind("-", 0, column - 1)) < 0 or lines[line - 1].lstrip().startswith("#"):
        line -= 1
        column = len(lines[line - 1]) + 1
    return line, found + 1


def _start(node: Node) -> Place:
    return node.span.line, node.span.column


def end_of(node: Node) -> Place:
    """Where the text of a node ends, without the blank lines and comments that a block takes along."""
    if isinstance(node, Mapping) and node.entries:
        inner = max(end_of(part) for entry in node.entries for part in entry)
    elif isinstance(node, Sequence) and node.items:
        inner = max(end_of(item) for item in node.items)
    else:
        return _text_end(node.span)
    return (node.span.end_line, node.span.end_column) if _bracket(node) else inner


def _text_end(span: Span) -> Place:
    """The end of a scalar's text; the span of a block scalar ends in the line below it."""
    line, column = span.end_line, span.end_column
    while column == 1 and line > span.line:
        line -= 1
        column = len(span.origin.lines[line - 1].rstrip()) + 1
    return line, column
