"""Comments that silence findings: `# lorarun: ignore[slug, …]`.

One covers the findings of its own line and of the line below it; in the first comment of a file, before
any key, it covers the whole file. Errors can't be silenced: the run could not do what the spec says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from schema.text.diagnostic import Diagnostic, Origin, Severity, Span
from schema.text.source import Mapping, Node, Scalar
from schema.text.source import Sequence as List

COMMENT = re.compile(r"#\s*lorarun:\s*ignore(?:\s*\[(?P<slugs>[^\]]*)\])?")


class Ignore(NamedTuple):
    """One name of one comment: a slug, a code or the start of one; empty where it has none.

    `line` is None for the whole file.
    """

    span: Span
    slug: str
    line: int | None

    def covers(self, found: Diagnostic) -> bool:
        """Whether this silences a finding."""
        place = found.span
        return (
            found.severity is not Severity.ERROR
            and names_rule(self.slug, found.code, found.slug)
            and place.origin is self.span.origin
            and (self.line is None or place.line in (self.line, self.line + 1))
        )


def names_rule(name: str, code: str, slug: str) -> bool:
    """Whether a name stands for a rule: its slug, its code, or the start of its code."""
    return name == slug or (name.startswith("LR") and code.startswith(name))


def find_ignores(root: Mapping) -> tuple[Ignore, ...]:
    """List what the comments of a spec silence."""
    origin = root.span.origin
    first = root.entries[0][0].span.line if root.entries else len(origin.lines) + 1
    return tuple(_ignores(origin, first, list(_texts(root, origin))))


def unsilenced(found: Iterable[Diagnostic], ignores: Sequence[Ignore]) -> tuple[list[Diagnostic], set[Ignore]]:
    """Return the findings that no comment covers, and the ignores that covered one."""
    left, used = [], set()
    for finding in found:
        covering = [ignore for ignore in ignores if ignore.covers(finding)]
        used.update(covering)
        if not covering:
            left.append(finding)
    return left, used


def _ignores(origin: Origin, first_key: int, texts: list[Span]) -> Iterator[Ignore]:
    for number, line in enumerate(origin.lines, start=1):
        for comment in COMMENT.finditer(line):
            column = comment.start() + 1
            if any(_within(text, number, column) for text in texts):
                continue
            own = number if number >= first_key else None
            slugs = comment["slugs"]
            if not (slugs or "").strip():
                yield Ignore(Span(origin, number, column, number, comment.end() + 1), "", own)
                continue
            for word in re.finditer(r"[^\s,]+", slugs):
                start = comment.start("slugs") + word.start() + 1
                yield Ignore(Span(origin, number, start, number, start + len(word[0])), word[0], own)


def _texts(node: Node, origin: Origin) -> Iterator[Span]:
    """Spans of all scalars, in which a # starts no comment."""
    waiting: list[Node] = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Scalar):
            if node.span.origin is origin:
                yield node.span
        else:
            parts = node.items if isinstance(node, List) else [part for entry in node.entries for part in entry]
            waiting += parts


def _within(span: Span, line: int, column: int) -> bool:
    return (span.line, span.column) <= (line, column) < (span.end_line, span.end_column)
