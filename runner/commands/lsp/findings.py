"""Findings as an editor shows them, each with a link to the documentation of its rule."""

from __future__ import annotations

from lsprotocol import types

from runner.commands.lsp.text import Text
from schema.docs.rules import address
from schema.text.diagnostic import Diagnostic, Severity

SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
SOURCE = "lorarun"


def client_diagnostic(text: Text, uri: str, found: Diagnostic) -> types.Diagnostic:
    """Translate one finding; its remedy is the second line of its message."""
    related = [
        types.DiagnosticRelatedInformation(types.Location(uri, text.range_of(other.span)), other.message)
        for other in found.related
    ]
    return types.Diagnostic(
        range=text.range_of(found.span),
        message=f"{found.message}\nhelp: {found.remedy}",
        severity=SEVERITIES[found.severity],
        code=found.code,
        code_description=types.CodeDescription(address(found.slug)),
        source=SOURCE,
        related_information=related or None,
    )
