"""A rule failed with an error of its own; the other rules still ran.

*Why it is bad.* This is a defect of lorarun, not of the spec, and what the rule looks for was not looked for.

*Fix.* Report it, with the spec if you can share it.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR900"
SLUG = "rule-crashed"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Find nothing in a spec: this rule is about the others."""
    yield from ()


def report(document: Document, rule: str, error: Exception) -> Diagnostic:
    """Say which rule failed and how."""
    message = f"the rule {rule} failed: {type(error).__name__}: {error}"
    remedy = "report this: it is a defect of lorarun, not of the spec"
    return Diagnostic(CODE, SLUG, SEVERITY, document.start, message, remedy)
