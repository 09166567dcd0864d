"""Findings as workflow commands, which GitHub Actions shows beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from schema.formats._place import in_file, one_line, region, visible, where
from schema.formats._report import Report
from schema.text.diagnostic import Diagnostic, Severity

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    """Write one command a finding; no findings are no text."""
    return "".join(
        f"::{COMMANDS[found.severity]} {','.join(_properties(found))}::{_data(_sentence(found))}\n"
        for found in report.diagnostics
    )


def _properties(found: Diagnostic) -> Iterator[str]:
    yield f"title={_property(f'{found.code} {found.slug}')}"
    if not in_file(found.span.origin):
        return
    place = region(found.span)
    yield f"file={_property(found.span.origin.name)}"
    yield f"line={place['line']}"
    yield f"endLine={place['end_line']}"
    if place["line"] == place["end_line"]:  # GitHub takes columns of a single line only
        yield f"col={place['column']}"
        yield f"endColumn={place['end_column']}"


def _sentence(found: Diagnostic) -> str:
    """The place again, since the log of a job shows the message alone."""
    return visible(f"{where(found.span)}: {found.message}; {one_line(found.remedy)}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return visible(_data(text).replace(":", "%3A").replace(",", "%2C"))
