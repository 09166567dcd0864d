"""Findings for editors and `grep`: one line each, and nothing else."""

from __future__ import annotations

from schema.formats._place import BOLD, TINTS, label, one_line, painted, visible, where
from schema.formats._report import Report


def render(report: Report) -> str:
    """Write the lines; no findings are no text."""
    return "".join(
        f"{painted(where(found.span), BOLD, report.colour)}: "
        f"{painted(label(found), TINTS[found.severity], report.colour)}: "
        f"{visible(found.message)}; {visible(one_line(found.remedy))}\n"
        for found in report.diagnostics
    )
