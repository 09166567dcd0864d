"""What the formats share: how a place is named, and text that does nothing to a terminal."""

from __future__ import annotations

import re
from typing import Any

from schema.text.diagnostic import Diagnostic, Origin, Severity, Span

BOLD, BLUE = "1", "34;1"
TINTS = {Severity.ERROR: "31;1", Severity.WARNING: "33;1", Severity.INFO: "36;1"}


def where(span: Span) -> str:
    """Name the start of a span as compilers do: spec.yaml:3:5."""
    return f"{visible(span.origin.name)}:{span.line}:{span.column}"


def label(found: Diagnostic) -> str:
    """Name a finding's severity and rule: error[LR301 target-matches-nothing]."""
    return f"{found.severity.value}[{found.code} {found.slug}]"


def in_file(origin: Origin) -> bool:
    """Whether an origin is a file; an option of the command line, such as `--set`, is none."""
    return not origin.name.startswith("--")


def region(span: Span) -> dict[str, int]:
    """Return a span as numbers counted from 1, end column exclusive; an end behind the text is its last place."""
    line, column, lines = span.end_line, span.end_column, span.origin.lines
    if span.line <= len(lines) < line:
        line, column = len(lines), len(lines[-1]) + 1
    return {"line": span.line, "column": span.column, "end_line": line, "end_column": column}


def place(span: Span) -> dict[str, Any]:
    """Return a span and the name of its origin."""
    return {"file": span.origin.name, **region(span)}


def visible(text: str) -> str:
    """Replace what would act on a terminal; tabs stay."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\t" else "�" for letter in text)


def painted(text: str, code: str, colour: bool) -> str:
    """Wrap a text in an ANSI colour."""
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def one_line(text: str) -> str:
    """Write a text of several lines, such as a remedy with a table, on one line."""
    first, *rest = (re.sub(r"\s+", " ", line.strip()) for line in text.split("\n"))
    return f"{first} {', '.join(rest)}" if rest else text
