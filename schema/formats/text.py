"""Findings for people: each with its source line, a caret and a remedy. Colour is plain ANSI; nothing is wrapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from unicodedata import combining, east_asian_width

from schema.formats._place import BLUE, BOLD, TINTS, label, painted, visible, where
from schema.formats._report import Report
from schema.text.diagnostic import Diagnostic, Severity, Span
from schema.text.wording import count

# A longer source line is shown as a window around the place.
WIDEST = 160
# Findings of one rule in one file, behind which the rest are counted.
MOST_ALIKE = 15


def render(report: Report) -> str:
    """Write the findings and a summary; of many that are alike in one file, the first."""
    of_a_kind = Counter(map(_kind, report.diagnostics))
    blocks, shown = [], Counter[tuple[str, str]]()
    for found in report.diagnostics:
        kind = _kind(found)
        shown[kind] += 1
        if shown[kind] <= MOST_ALIKE:
            blocks.append("\n".join(_block(found, report.colour)))
        if shown[kind] == MOST_ALIKE < of_a_kind[kind]:
            blocks.append(_folded(found, of_a_kind[kind] - MOST_ALIKE, report.colour))
    return "\n\n".join([*blocks, _summary(report)]) + "\n"


def _kind(found: Diagnostic) -> tuple[str, str]:
    """What findings have in common that are alike: file and rule."""
    return found.span.origin.name, label(found)


def _folded(found: Diagnostic, more: int, colour: bool) -> str:
    name = painted(visible(found.span.origin.name), BOLD, colour)
    kind = painted(label(found), TINTS[found.severity], colour)
    return f"{name}: {kind}: and {more:,} more like it; --format concise lists all"


def _block(found: Diagnostic, colour: bool) -> Iterator[str]:
    tint = TINTS[found.severity]
    gutter = max(len(str(found.span.line)), *(len(str(other.span.line)) for other in found.related), 1)
    yield f"{painted(where(found.span), BOLD, colour)}: {painted(label(found), tint, colour)}: {found.message}"
    yield from _snippet(found.span, gutter, tint, colour)
    remedy = found.remedy.replace("\n", f"\n{' ' * gutter}   ")
    yield f"{' ' * gutter} {painted('= help:', BLUE, colour)} {remedy}"
    for other in found.related:
        yield f"{painted(where(other.span), BOLD, colour)}: {painted('note', BLUE, colour)}: {other.message}"
        yield from _snippet(other.span, gutter, BLUE, colour)


def _snippet(span: Span, gutter: int, tint: str, colour: bool) -> Iterator[str]:
    """The source line and carets under the span; of a span of several lines the first is shown."""
    lines = span.origin.lines
    if not 1 <= span.line <= len(lines) or not lines[span.line - 1].strip():
        return
    line, start = lines[span.line - 1], span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(line.rstrip())
    line, start, end = _window(line, start, end)
    pad = "".join("\t" if letter == "\t" else " " * _width(letter) for letter in line[:start])
    carets = "^" * max(1, sum(_width(letter) for letter in line[start:end]))
    bar = painted("|", BLUE, colour)
    yield f"{painted(f'{span.line:>{gutter}}', BLUE, colour)} {bar} {visible(line.rstrip())}"
    yield f"{' ' * gutter} {bar} {pad}{painted(carets, tint, colour)}"


def _window(line: str, start: int, end: int) -> tuple[str, int, int]:
    """Cut a long line around a place, and move the place with it."""
    if len(line) <= WIDEST:
        return line, start, end
    first = max(0, min(start - WIDEST // 4, len(line) - WIDEST))
    head = "…" if first else ""
    cut = head + line[first : first + WIDEST] + ("…" if first + WIDEST < len(line) else "")
    start, end = start - first + len(head), end - first + len(head)
    return cut, start, min(end, len(cut))


def _width(letter: str) -> int:
    """Columns that a terminal gives a character."""
    if letter.isascii():
        return 1
    return 0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1


def _summary(report: Report) -> str:
    severities = [found.severity for found in report.diagnostics]
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}
    parts = [
        f"{severities.count(severity)} info" if severity is Severity.INFO else count(severities.count(severity), word)
        for severity, word in words.items()
        if severity in severities
    ]
    return f"{', '.join(parts) or 'no findings'} in {count(report.files, 'file')}{_fixable(report)}"


def _fixable(report: Report) -> str:
    """Say how many findings `validate` can fix, and how."""
    fixes = [found.fix for found in report.diagnostics if found.fix]
    safe = sum(fix.safe for fix in fixes)
    parts = [f"{safe} by validate --fix"] if safe else []
    parts += [f"{len(fixes) - safe} by validate --unsafe-fixes"] if len(fixes) > safe else []
    return f"; fixable: {', '.join(parts)}" if parts else ""
