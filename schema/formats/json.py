"""Findings for programs: a JSON list of objects whose keys are stable. ASCII only, so that any stream can carry it."""

from __future__ import annotations

import json
from typing import Any

from schema.formats._place import place
from schema.formats._report import Report
from schema.text.diagnostic import Diagnostic


def render(report: Report) -> str:
    """Write the list."""
    return json.dumps([_row(found) for found in report.diagnostics], indent=2) + "\n"


def _row(found: Diagnostic) -> dict[str, Any]:
    return {
        **place(found.span),
        "code": found.code,
        "slug": found.slug,
        "severity": found.severity.value,
        "message": found.message,
        "remedy": found.remedy,
        "related": [{**place(other.span), "message": other.message} for other in found.related],
        "fix": _fix(found),
    }


def _fix(found: Diagnostic) -> dict[str, Any] | None:
    """The edits that remove the finding: each a place and the text that replaces what stands there."""
    if found.fix is None:
        return None
    return {"safe": found.fix.safe, "edits": [{**place(edit.span), "text": edit.text} for edit in found.fix.edits]}
