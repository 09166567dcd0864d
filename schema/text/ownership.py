"""Which parts of a spec's text belong to one path alone, so that an edit there changes nothing else.

They are those that no alias shares, no merge key brings in or overrides, and no `--set` argument put there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from schema.text.source import Mapping, Node, Path, Scalar, Sequence


@dataclass(frozen=True)
class Ownership:
    """Looks up nodes and keys of the tree below `root`, which the text of the spec gave."""

    root: Mapping

    def key(self, path: Path) -> Scalar | None:
        """The key at a path, when it is written there once and stands for this path alone."""
        parent = self.node(path[:-1]) if path else None
        if not isinstance(parent, Mapping) or parent.merged:  # which would show again what this key overrides
            return None
        keys = [key for key, _ in parent.entries if key.text == path[-1]]
        return keys[0] if len(keys) == 1 and self._inside(keys[0], parent) and self.alone((keys[0],)) else None

    def node(self, path: Path) -> Node | None:
        """The node at a path, when the text at its place belongs to this path alone."""
        node: Node = self.root
        for part in path:
            parent = node
            if isinstance(parent, Mapping):
                found = next((value for key, value in parent.entries if key.text == part), None)
            else:
                items = parent.items if isinstance(parent, Sequence) else ()
                found = items[part] if isinstance(part, int) and part < len(items) else None
            if found is None or not self._inside(found, parent) or self._references[id(found)] > 1:
                return None
            node = found
        return node

    def alone(self, *groups: tuple[Node, ...]) -> bool:
        """Whether no part of these nodes is what an alias or a merge key repeats, here or elsewhere."""
        return all(self._references[id(part)] == 1 for group in groups for node in group for part in _parts(node))

    def lends(self, node: Mapping) -> bool:
        """Whether an alias or a merge key outside of a mapping repeats a part that is written in it."""
        within = Ownership(node)._references
        return any(self._references[id(part)] > within[id(part)] and self._inside(part, node) for part in _parts(node))

    def owns(self, parent: Mapping) -> bool:
        """Whether the first and the last key of a mapping are its own."""
        return all(self._inside(entry[0], parent) for entry in (parent.entries[0], parent.entries[-1]))

    def _inside(self, node: Node, parent: Node) -> bool:
        """Whether a node is written where its parent is, by the file itself."""
        own, outer = node.span, parent.span
        starts_behind = (outer.line, outer.column) <= (own.line, own.column)
        return own.origin is self.root.span.origin is outer.origin and starts_behind

    @cached_property
    def _references(self) -> Counter[int]:
        """From how many places each node is referred to: more than one below an alias or a merge key."""
        found = Counter({id(self.root): 1})
        waiting: list[Node] = [self.root]
        while waiting:
            for part in _held(waiting.pop()):
                found[id(part)] += 1
                if found[id(part)] == 1:
                    waiting.append(part)
        return found


def _held(node: Node) -> Iterator[Node]:
    """Yield what a collection holds itself, and what a merge key names."""
    if isinstance(node, Mapping):
        yield from (part for entry in node.entries for part in entry)
        if node.merged:
            yield node.merged
    elif isinstance(node, Sequence):
        yield from node.items


def _parts(node: Node) -> Iterator[Node]:
    """Yield a node and all that it holds; whoever stops at the first shared part meets each part once."""
    waiting = [node]
    while waiting:
        yield (part := waiting.pop())
        waiting += _held(part)
