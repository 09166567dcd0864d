"""Write the comment that silences a finding, where it can stand and does no more than that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from schema.fixes.apply import edited
from schema.lint import Verdict
from schema.rules import suppression_hygiene
from schema.text.diagnostic import Diagnostic, Edit, Severity, Span
from schema.text.suppression import COMMENT


def silence(text: str, found: Diagnostic, lint: Callable[[str], Verdict]) -> Edit | None:
    """Return the edit of a text after which a finding is silent and no other one came; None where there is none."""
    verdict = lint(text)
    if found.severity is Severity.ERROR or found.slug == suppression_hygiene.SLUG or verdict.document is None:
        return None
    entries = verdict.document.root.entries
    first = entries[0][0].span.line if entries else 1
    if found.span.line < first:  # a comment above the first key would silence the whole file
        return None
    before = _codes(verdict)
    for edit in _comments(found, first):
        after = _codes(lint(edited(text, [edit])))
        if after <= before and after[found.code] < before[found.code]:
            return edit
    return None


def _comments(found: Diagnostic, first: int) -> Iterator[Edit]:
    """A further name in the comment of the line, a comment behind the line, one above it."""
    origin, line = found.span.origin, found.span.line
    text = origin.lines[line - 1]
    written = COMMENT.search(text)
    if written and written["slugs"] is not None:
        column = written.end("slugs") + 1
        behind = f", {found.slug}" if written["slugs"].strip() else found.slug
        yield Edit(Span(origin, line, column, line, column), behind)
    comment, end = f"# lorarun: ignore[{found.slug}]", len(text.rstrip())
    yield Edit(Span(origin, line, end + 1, line, len(text) + 1), f" {comment}")
    if line > first:
        indent = text[: len(text) - len(text.lstrip())]
        yield Edit(Span(origin, line, 1, line, 1), f"{indent}{comment}\n")


def _codes(verdict: Verdict) -> Counter[str]:
    return Counter(found.code for found in verdict.diagnostics)
