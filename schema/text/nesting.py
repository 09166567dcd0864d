"""Edits that move entries of the top of a spec, line by line, below sections: their comments and layout come along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from schema.text.diagnostic import Edit, Span
from schema.text.edits import end_of
from schema.text.ownership import Ownership
from schema.text.source import Mapping, Node, Path, Scalar

STEP = 2  # columns by which what is nested stands to the right


@dataclass
class _Branch:
    """What stands below one key: lines of an entry, whose first one lacks the key, or further keys."""

    lines: list[str] = field(default_factory=list)
    inner: dict[str, _Branch] = field(default_factory=dict)


def nest(root: Mapping, moved: Sequence[tuple[Scalar, Node, Path]]) -> tuple[Edit | None, ...]:
    """Move entries to the paths that are given with them; (None,) where the text can't be edited line by line."""
    trees: dict[str, _Branch] = {}
    edits: list[Edit] = []
    own = Ownership(root)
    for key, value, path in moved:
        found = _lines(own, key, value)
        if found is None:
            return (None,)
        branch = trees.setdefault(str(path[0]), _Branch())
        for part in path[1:]:
            branch = branch.inner.setdefault(str(part), _Branch())
        branch.lines = found
        line = key.span.line
        edits.append(Edit(Span(root.span.origin, line, 1, line + len(found), 1), ""))
    sections = {key.text: value for key, value in root.entries}
    new = [line for name, branch in trees.items() if name not in sections for line in _written(name, branch, 0)]
    edits[0] = Edit(edits[0].span, "".join(f"{line}\n" for line in new))
    written = [(sections[name], branch) for name, branch in trees.items() if name in sections]
    return (*edits, *(edit for section, branch in written for edit in _inserted(root, section, branch)))


def _lines(own: Ownership, key: Scalar, value: Node) -> list[str] | None:
    """The lines of an entry, the first one without its key; None where they hold something else too."""
    origin = own.root.span.origin
    lines, last = origin.lines, max(end_of(key), end_of(value))
    behind = lines[last[0] - 1][last[1] - 1 :].strip()
    alone = key.span.origin is value.span.origin is origin and own.alone((key, value))
    if not alone or key.span.column != 1 or not (behind == "" or behind.startswith("#")):
        return None
    return [lines[key.span.line - 1][key.span.end_column - 1 :], *lines[key.span.line : last[0]]]


def _inserted(root: Mapping, section: Node, branch: _Branch) -> list[Edit | None]:
    """Write keys at the end of a section and of what is in it, the inner ones last; [None] where one is there."""
    if not isinstance(section, Mapping) or not section.entries or section.span.origin is not root.span.origin:
        return [None]
    held = {key.text: value for key, value in section.entries}
    new = {part: inner for part, inner in branch.inner.items() if part not in held}
    inside = [(held[part], inner) for part, inner in branch.inner.items() if part in held]
    deeper = [edit for value, inner in inside for edit in (_inserted(root, value, inner) if inner.inner else [None])]
    return [*([_added(root, section, new)] if new else []), *deeper]


def _added(root: Mapping, section: Mapping, new: dict[str, _Branch]) -> Edit | None:
    """Write keys behind the last one of a section, in its own style; None where braces can't hold them."""
    lines, start, first = root.span.origin.lines, section.span, section.entries[0][0].span
    last = max(end_of(part) for part in section.entries[-1])
    if lines[start.line - 1][start.column - 1] == "{":
        flow = [_flow(part, inner) for part, inner in new.items()]
        text = "".join(f", {each}" for each in flow)
        return Edit(Span(root.span.origin, *last, *last), text) if all(flow) else None
    if lines[first.line - 1][: first.column - 1].strip():
        return None
    end = (last[0], len(lines[last[0] - 1]) + 1)
    below = [each for part, inner in new.items() for each in _written(part, inner, first.column - 1)]
    return Edit(Span(root.span.origin, *end, *end), "".join(f"\n{each}" for each in below))


def _flow(name: str, branch: _Branch) -> str:
    """A key and what is below it within braces; empty where that takes several lines, or a comment would be lost."""
    if branch.inner:
        parts = [_flow(part, inner) for part, inner in branch.inner.items()]
        return f"{name}: {{{', '.join(parts)}}}" if all(parts) else ""
    return "" if len(branch.lines) > 1 or "#" in branch.lines[0] else f"{name}{branch.lines[0].rstrip()}"


def _written(name: str, branch: _Branch, indent: int) -> Iterator[str]:
    """The lines of a key and of what is below it."""
    pad = " " * indent
    if branch.inner:
        yield f"{pad}{name}:"
        for part, inner in branch.inner.items():
            yield from _written(part, inner, indent + STEP)
        return
    first, *rest = branch.lines
    yield f"{pad}{name}{first}"
    yield from (f"{pad}{line}" if line.strip() else line for line in rest)
