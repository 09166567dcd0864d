"""Apply fixes to the text of a spec, one after the other, each checked by linting what it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from schema.lint import Verdict
from schema.text.diagnostic import Diagnostic, Edit, Fix, Severity

MOST_FIXES = 1000


class Fixed(NamedTuple):
    """A text after its fixes, the findings that they removed, and the verdict on what is left."""

    text: str
    applied: tuple[Diagnostic, ...]
    verdict: Verdict


def fix_text(text: str, lint: Callable[[str], Verdict], unsafe: bool = False) -> Fixed:
    """Apply every safe fix, and the unsafe ones when asked, until none is left.

    A fix that would not remove its finding, would bring in an error, or would undo what others did, is left out.
    """
    applied: list[Diagnostic] = []
    earlier = {text}
    refused: set[tuple[str, int, int, str]] = set()
    verdict = lint(text)
    while len(applied) < MOST_FIXES:
        chosen = next(
            (
                found
                for found in verdict.diagnostics
                if found.fix and _allowed(found.fix, unsafe) and _identity(found) not in refused
            ),
            None,
        )
        if chosen is None or chosen.fix is None:
            break
        changed = edited(text, chosen.fix.edits)
        after = lint(changed)
        sound = (after.document is not None or verdict.document is None) and changed not in earlier
        if sound and _times(after, chosen) < _times(verdict, chosen) and _errors(after) <= _errors(verdict):
            text, verdict = changed, after
            applied.append(chosen)
            earlier.add(text)
            refused.clear()
        else:
            refused.add(_identity(chosen))
    return Fixed(text, tuple(applied), verdict)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with edits that don't overlap; line ends stay what they are."""
    starts = [0, *(found.end() for found in re.finditer(r"\r\n|\n|\r", text))]
    end_of_line = next(iter(re.findall(r"\r\n|\n|\r", text)), "\n")
    whole = len(text)

    def offset(line: int, column: int) -> int:
        return min(starts[line - 1] + column - 1, whole) if line <= len(starts) else whole

    for edit in sorted(edits, key=lambda edit: (edit.span.line, edit.span.column), reverse=True):
        span = edit.span
        start, end = offset(span.line, span.column), offset(span.end_line, span.end_column)
        text = text[:start] + edit.text.replace("\n", end_of_line) + text[end:]
    return text


def _allowed(fix: Fix, unsafe: bool) -> bool:
    """Whether a fix may be applied; lines with a credential are left alone, as nobody saw what stands there."""
    spans = [edit.span for edit in fix.edits]
    blind = any(span.line <= secret.line <= span.end_line for span in spans for secret in span.origin.secrets)
    return (fix.safe or unsafe) and not blind


def _identity(found: Diagnostic) -> tuple[str, int, int, str]:
    return found.code, found.span.line, found.span.column, found.message


def _times(verdict: Verdict, wanted: Diagnostic) -> int:
    return sum(found.code == wanted.code for found in verdict.diagnostics)


def _errors(verdict: Verdict) -> int:
    return sum(found.severity is Severity.ERROR for found in verdict.diagnostics)
