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
    below = [_inserted(root, sections[name], branch) for name, branch in trees.items() if name in sections]
    return (*edits, *below)


def _lines(own: Ownership, key: Scalar, value: Node) -> list[str] | None:
    """The lines of an entry, the first one without its key; None where they hold something else too."""
    origin = own.root.span.origin
    lines, last = origin.lines, max(end_of(key), end_of(value))
    behind = lines[last[0] - 1][last[1] - 1 :].strip()
    alone = key.span.origin is value.span.origin is origin and own.alone((key, value))
    if not alone or key.span.column != 1 or not (behind == "" or behind.startswith("#")):
        return None
    return [lines[key.span.line - 1][key.span.end_column - 1 :], *lines[key.span.line : last[0]]]


def _inserted(root: Mapping, section: Node, branch: _Branch) -> Edit | None:
    """Write keys at the end of a section in block style; None where it has another form, or one of them."""
    if not isinstance(section, Mapping) or not section.entries or section.span.origin is not root.span.origin:
        return None
    lines, first = root.span.origin.lines, section.entries[0][0].span
    if lines[first.line - 1][: first.column - 1].strip() or {key.text for key, _ in section.entries} & set(
        branch.inner
    ):
        return None
    line = max(end_of(part)[0] for part in section.entries[-1])
    added = [each for part, inner in branch.inner.items() for each in _written(part, inner, first.column - 1)]
    column = len(lines[line - 1]) + 1
    return Edit(Span(root.span.origin, line, column, line, column), "".join(f"\n{each}" for each in added))


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
