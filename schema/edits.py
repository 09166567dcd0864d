"""Edits of a spec's text that keep its comments, order and quoting: replace, rename, remove, insert.

Each returns None where the text can't be edited without touching something else: a value that an alias
shares or a merge key brings in, a `--set` argument, a collection with comments between its parts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from schema.diagnostic import Edit, Span
from schema.findings import Path
from schema.source import Mapping, Node, Scalar, Sequence

Place = tuple[int, int]  # line and column, counted from 1
Lines = tuple[str, ...]


@dataclass(frozen=True)
class Edits:
    """Makes edits of the tree below `root`, which the text of the spec gave."""

    root: Mapping

    def replace(self, path: Path, text: str) -> Edit | None:
        """Write another single value."""
        node = self._node(path)
        if not isinstance(node, Scalar) or node.span.line != node.span.end_line or not node.text:
            return None
        return Edit(node.span, text)

    def rename(self, path: Path, name: str) -> Edit | None:
        """Write another name for a key."""
        key = self._key(path)
        return Edit(key.span, name) if key else None

    def remove(self, path: Path) -> Edit | None:
        """Take out a key with its value and the comment behind it, or an item of a list.

        A mapping that would be left empty goes with its last key; a list keeps its last item, and comments
        inside of what would go keep it in place.
        """
        parent = self._node(path[:-1]) if path else None
        if isinstance(parent, Sequence):
            if len(parent.items) == 1 and not self._flow(parent):
                return None
            starts = [_start(item) for item in parent.items]
            return self._removed(parent, starts, [_end(item) for item in parent.items], int(path[-1]))
        if not isinstance(parent, Mapping) or self._key(path) is None:
            return None
        return self._removed_entry(path, parent, [key.text for key, _ in parent.entries].index(str(path[-1])))

    def remove_repeated(self, path: Path, key: Span) -> Edit | None:
        """Take out the entry of a mapping whose key stands at this place, of several with one name."""
        parent = self._node(path[:-1])
        if not isinstance(parent, Mapping):
            return None
        index = next((index for index, (own, _) in enumerate(parent.entries) if own.span == key), None)
        return None if index is None else self._removed_entry(path, parent, index)

    def _removed_entry(self, path: Path, parent: Mapping, index: int) -> Edit | None:
        if len(parent.entries) == 1 and not self._flow(parent):
            return self.remove(path[:-1]) if len(path) > 1 and isinstance(path[-2], str) else None
        starts = [_start(key) for key, _ in parent.entries]
        ends = [max(_end(key), _end(value)) for key, value in parent.entries]
        return self._removed(parent, starts, ends, index)

    def insert(self, path: Path, text: str) -> Edit | None:
        """Add a key with a single value, and the mappings above it that are not there yet."""
        at = len(path) - 1
        while not isinstance(parent := self._node(path[:at]), Mapping):
            if parent is not None or at == 0:
                return None
            at -= 1
        names = [str(part) for part in path[at:]]
        if self._flow(parent):
            written = "".join(f"{name}: {{" for name in names[:-1]) + f"{names[-1]}: {text}" + "}" * (len(names) - 1)
            if not parent.entries:
                return self._at((parent.span.line, parent.span.column + 1), written)
            return self._at(max(_end(part) for entry in parent.entries for part in entry), f", {written}")
        if not parent.entries or not self._owns(parent):
            return None
        indent, last = parent.entries[0][0].span.column - 1, max(_end(part) for part in parent.entries[-1])
        lines = [" " * (indent + 2 * depth) + f"{name}:" for depth, name in enumerate(names)]
        return self._at((last[0], len(self._line(last[0])) + 1), "".join(f"\n{line}" for line in lines) + f" {text}")

    def _removed(self, parent: Node, starts: list[Place], ends: list[Place], index: int) -> Edit | None:
        start, end = starts[index], ends[index]
        following = starts[index + 1] if index + 1 < len(starts) else None
        if self._flow(parent):
            if following or index == 0:
                return self._cut(start, following or end)
            return self._cut(ends[index - 1], end)
        if isinstance(parent, Sequence):
            lines = self.root.span.origin.lines
            start, following = _dash(lines, start), _dash(lines, following) if following else None
        before, behind = self._line(start[0])[: start[1] - 1], self._line(end[0])[end[1] - 1 :].strip()
        inner = (self._line(number).strip() for number in range(start[0] + 1, end[0]))
        if (behind and not behind.startswith("#")) or any(line.startswith("#") for line in inner):
            return None
        if not before.strip():
            return Edit(self._span((start[0], 1), (end[0] + 1, 1)), "")
        return self._cut(start, following) if following else None

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

    def _flow(self, node: Node) -> bool:
        line = self._line(node.span.line)
        return line[node.span.column - 1 : node.span.column] in ("{", "[")

    def _key(self, path: Path) -> Scalar | None:
        parent = self._node(path[:-1]) if path else None
        if not isinstance(parent, Mapping):
            return None
        key = next((key for key, _ in parent.entries if key.text == path[-1]), None)
        return key if key and self._inside(key, parent) and self._times[id(key)] == 1 else None

    def _node(self, path: Path) -> Node | None:
        """The node at a path, when the text at its place belongs to this path alone."""
        node: Node = self.root
        for part in path:
            parent = node
            if isinstance(parent, Mapping):
                found = next((value for key, value in parent.entries if key.text == part), None)
            else:
                items = parent.items if isinstance(parent, Sequence) else ()
                found = items[part] if isinstance(part, int) and part < len(items) else None
            if found is None or not self._inside(found, parent) or self._times[id(found)] > 1:
                return None
            node = found
        return node

    def _inside(self, node: Node, parent: Node) -> bool:
        """Whether a node is written where its parent is, by the file itself."""
        own, outer = node.span, parent.span
        return own.origin is self.root.span.origin is outer.origin and (outer.line, outer.column) <= _start(node)

    def _owns(self, parent: Mapping) -> bool:
        """Whether the first and the last key of a mapping are its own."""
        return all(self._inside(entry[0], parent) for entry in (parent.entries[0], parent.entries[-1]))

    @cached_property
    def _times(self) -> Counter[int]:
        """How often each node stands in the tree: more than once below an alias."""
        times: Counter[int] = Counter()
        waiting: list[Node] = [self.root]
        while waiting:
            node = waiting.pop()
            times[id(node)] += 1
            if isinstance(node, Mapping):
                waiting += [part for entry in node.entries for part in entry]
            elif isinstance(node, Sequence):
                waiting += node.items
        return times


def _dash(lines: Lines, start: Place) -> Place:
    """The dash before an item of a block list, which may stand on a line of its own."""
    line, column = start
    while (found := lines[line - 1].rfind("-", 0, column - 1)) < 0 or lines[line - 1].lstrip().startswith("#"):
        line -= 1
        column = len(lines[line - 1]) + 1
    return line, found + 1


def _start(node: Node) -> Place:
    return node.span.line, node.span.column


def _end(node: Node) -> Place:
    """Where the text of a node ends, without the blank lines and comments that a block takes along."""
    if isinstance(node, Mapping) and node.entries:
        inner = max(_end(part) for entry in node.entries for part in entry)
    elif isinstance(node, Sequence) and node.items:
        inner = max(_end(item) for item in node.items)
    else:
        return _text_end(node.span)
    line = node.span.origin.lines[node.span.line - 1]
    flow = line[node.span.column - 1 : node.span.column] in ("{", "[")
    return (node.span.end_line, node.span.end_column) if flow else inner


def _text_end(span: Span) -> Place:
    """The end of a scalar's text; the span of a block scalar goes on to the line below it."""
    line, column = span.end_line, span.end_column
    while column == 1 and line > span.line:
        line -= 1
        column = len(span.origin.lines[line - 1].rstrip()) + 1
    return line, column
