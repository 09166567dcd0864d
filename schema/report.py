"""Findings as text with source line and caret, and as JSON. Colour is plain ANSI; nothing is wrapped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from unicodedata import combining, east_asian_width

from schema.diagnostic import Diagnostic, Severity, Span
from schema.wording import count

BOLD, BLUE = "1", "34;1"
COLOURS = {Severity.ERROR: "31;1", Severity.WARNING: "33;1", Severity.INFO: "36;1"}
# A longer source line is shown as a window around the place.
WIDEST = 160


def render_text(diagnostics: Sequence[Diagnostic], *, files: int = 1, colour: bool = False) -> str:
    """Write findings for people, ending with a summary of `files` files; the text ends with a newline."""
    blocks = ["\n".join(_block(found, colour)) for found in diagnostics]
    return "\n\n".join([*blocks, _summary(diagnostics, files)]) + "\n"


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """Write findings for programs: a list of objects whose keys are stable."""
    rows = [
        {
            **_place(found.span),
            "code": found.code,
            "slug": found.slug,
            "severity": found.severity.value,
            "message": found.message,
            "remedy": found.remedy,
            "related": [{**_place(other.span), "message": other.message} for other in found.related],
        }
        for found in diagnostics
    ]
    text = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # half of a surrogate pair can't be printed


def _place(span: Span) -> dict[str, Any]:
    return {
        "file": span.origin.name,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _block(found: Diagnostic, colour: bool) -> Iterator[str]:
    tint = COLOURS[found.severity]
    label = _painted(f"{found.severity.value}[{found.code} {found.slug}]", tint, colour)
    gutter = max(len(str(found.span.line)), *(len(str(other.span.line)) for other in found.related), 1)
    yield f"{_painted(_where(found.span), BOLD, colour)}: {label}: {found.message}"
    yield from _snippet(found.span, gutter, tint, colour)
    yield f"{' ' * gutter} {_painted('= help:', BLUE, colour)} {found.remedy}"
    for other in found.related:
        yield f"{_painted(_where(other.span), BOLD, colour)}: {_painted('note', BLUE, colour)}: {other.message}"
        yield from _snippet(other.span, gutter, BLUE, colour)


def _where(span: Span) -> str:
    return f"{_visible(span.origin.name)}:{span.line}:{span.column}"


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
    bar = _painted("|", BLUE, colour)
    yield f"{_painted(f'{span.line:>{gutter}}', BLUE, colour)} {bar} {_visible(line.rstrip())}"
    yield f"{' ' * gutter} {bar} {pad}{_painted(carets, tint, colour)}"


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


def _visible(text: str) -> str:
    """Replace what would act on a terminal; tabs stay."""
    return "".join(letter if letter.isprintable() or letter == "\t" else "�" for letter in text)


def _summary(diagnostics: Sequence[Diagnostic], files: int) -> str:
    severities = [found.severity for found in diagnostics]
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}
    parts = [
        f"{severities.count(severity)} info" if severity is Severity.INFO else count(severities.count(severity), word)
        for severity, word in words.items()
        if severity in severities
    ]
    return f"{', '.join(parts) or 'no findings'} in {count(files, 'file')}"


def _painted(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
