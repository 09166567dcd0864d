"""Findings for programs: a JSON object with its version, the findings, and the specs that could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schema.formats._object import json_text
from schema.formats._place import place
from schema.formats._report import Report
from schema.text.diagnostic import Diagnostic
from schema.text.fingerprint import fingerprints


def render(report: Report) -> str:
    """Write the object."""
    return json_text({"files": report.files, "findings": rows(report.diagnostics), "errors": [*report.errors]})


def rows(found: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """Return findings as JSON has them; places count from 1, end columns are exclusive, fingerprints outlive moves."""
    return [_row(each, mark) for each, mark in zip(found, fingerprints(found), strict=True)]


def _row(found: Diagnostic, fingerprint: str) -> dict[str, Any]:
    return {
        **place(found.span),
        "code": found.code,
        "slug": found.slug,
        "severity": found.severity.value,
        "message": found.message,
        "remedy": found.remedy,
        "related": [{**place(other.span), "message": other.message} for other in found.related],
        "fix": _fix(found),
        "fingerprint": fingerprint,
    }


def _fix(found: Diagnostic) -> dict[str, Any] | None:
    """The edits that remove the finding: each a place and the text that replaces what stands there."""
    if found.fix is None:
        return None
    return {"safe": found.fix.safe, "edits": [{**place(edit.span), "text": edit.text} for edit in found.fix.edits]}
