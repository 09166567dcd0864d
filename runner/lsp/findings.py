"""Findings as an editor shows them, each with a link to the documentation of its rule."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types

import schema.docs
from runner.lsp.text import Text
from schema.text.diagnostic import Diagnostic, Severity, Span

SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
SOURCE = "lorarun"


def client_diagnostic(text: Text, uri: str, found: Diagnostic) -> types.Diagnostic:
    """Translate one finding; its remedy is the second line of its message."""
    related = [
        types.DiagnosticRelatedInformation(_location(text, uri, other.span), other.message) for other in found.related
    ]
    return types.Diagnostic(
        range=text.range_of(found.span),
        message=f"{found.message}\nhelp: {found.remedy}",
        severity=SEVERITIES[found.severity],
        code=found.code,
        code_description=types.CodeDescription(documentation_link(found.slug)),
        source=SOURCE,
        related_information=related or None,
    )


def _location(text: Text, uri: str, span: Span) -> types.Location:
    """A place in the text that is open, or in another file: the config.json of a model."""
    origin = span.origin
    if origin.lines == text.lines:
        return types.Location(uri, text.range_of(span))
    other = Text("\n".join(origin.lines), text.unit)
    return types.Location(Path(origin.name).absolute().as_uri(), other.range_of(span))


def documentation_link(slug: str) -> str:
    """Return the address of a rule's section in the page of all rules, which is installed with the linter."""
    page = Path(schema.docs.__file__ or "").with_name("RULES.md")
    return f"{page.absolute().as_uri()}#{slug}"
