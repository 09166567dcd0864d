"""Findings for programs: a JSON object with its version, the findings, and the specs that could not be read."""

from __future__ import annotations

from typing import Any

from schema.formats._object import json_text
from schema.formats._place import place
from schema.formats._report import Report
from schema.text.diagnostic import Diagnostic


def render(report: Report) -> str:
    """Write the object."""
    findings = [row(found) for found in report.diagnostics]
    return json_text({"files": report.files, "findings": findings, "errors": [*report.errors]})


def row(found: Diagnostic) -> dict[str, Any]:
    """Return a finding as JSON has it; places count from 1, and end columns are exclusive."""
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
