"""`lorarun lsp`: the linter in an editor, over standard input and output, with pygls.

It translates: what is found, known and fixed comes from `schema`, places from 1 in characters become places from 0
in the units that the client asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from schema.diagnostic import Diagnostic, Edit, Severity, Span
from schema.fixes import fix_text
from schema.hints import Hints
from schema.lint import Verdict, lint_text
from schema.settings import Settings, SettingsError, read_settings

SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
FIX_ALL = types.CodeActionKind.SourceFixAll
UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is open in the editor: its lines, and the unit in which the client counts letters."""

    source: str
    unit: str
    lines: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", tuple(re.split(r"\r\n|\n|\r", self.source)))

    def to_client(self, line: int, column: int) -> types.Position:
        """Turn a line and a column from 1 into a position of the client."""
        if line > len(self.lines):
            return types.Position(len(self.lines) - 1, self._width(self.lines[-1]))
        return types.Position(line - 1, self._width(self.lines[line - 1][: column - 1]))

    def from_client(self, position: types.Position) -> tuple[int, int]:
        """Turn a position of the client into a line and a column from 0, in characters."""
        line = self.lines[position.line] if position.line < len(self.lines) else ""
        column = 0
        while column < len(line) and self._width(line[: column + 1]) <= position.character:
            column += 1
        return position.line, column

    def range_of(self, span: Span) -> types.Range:
        """Turn a span into a range of the client."""
        return types.Range(
            self.to_client(span.line, span.column),
            self.to_client(span.end_line, span.end_column),
        )

    def _width(self, text: str) -> int:
        encoding, size = UNITS[self.unit]
        return len(text.encode(encoding, "surrogatepass")) // size


def serve() -> None:
    """Answer an editor over standard input and output until it hangs up."""
    build_server().start_io()


def build_server() -> LanguageServer:
    """Return a server whose features are those of the linter."""
    server, hints = LanguageServer("lorarun", "0.1.0"), Hints()

    def publish(uri: str) -> None:
        text = _text(server, uri)
        found = [_diagnostic(text, uri, each) for each in _lint(text, uri).diagnostics]
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=found))

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(parameters: types.DidOpenTextDocumentParams) -> None:
        publish(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(parameters: types.DidChangeTextDocumentParams) -> None:
        publish(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(parameters: types.DidSaveTextDocumentParams) -> None:  # settings may have changed
        publish(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(parameters: types.DidCloseTextDocumentParams) -> None:
        uri = parameters.text_document.uri
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(parameters: types.HoverParams) -> types.Hover | None:
        text, uri = _text(server, parameters.text_document.uri), parameters.text_document.uri
        markdown = hints.hover(text.lines, *text.from_client(parameters.position), _lint(text, uri).document)
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, markdown)) if markdown else None

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[" ", "\n"]))
    def completion(parameters: types.CompletionParams) -> types.CompletionList:
        return _completions(_text(server, parameters.text_document.uri), parameters.position, hints)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL]),
    )
    def code_action(parameters: types.CodeActionParams) -> list[types.CodeAction]:
        uri = parameters.text_document.uri
        return list(_actions(_text(server, uri), uri, parameters))

    return server


def _text(server: LanguageServer, uri: str) -> Text:
    unit = server.workspace.position_encoding or types.PositionEncodingKind.Utf16
    return Text(server.workspace.get_text_document(uri).source, types.PositionEncodingKind(unit).value)


def _lint(text: Text, uri: str) -> Verdict:
    """Lint a text by the settings of its project; settings that mean nothing are left out."""
    path = to_fs_path(uri) or "spec.yaml"
    try:
        settings = read_settings(Path(path))
    except SettingsError:
        settings = Settings()
    return lint_text(text.source, path, settings=settings)


def _diagnostic(text: Text, uri: str, found: Diagnostic) -> types.Diagnostic:
    related = [
        types.DiagnosticRelatedInformation(types.Location(uri, text.range_of(other.span)), other.message)
        for other in found.related
    ]
    return types.Diagnostic(
        range=text.range_of(found.span),
        message=f"{found.message}\nhelp: {found.remedy}",
        severity=SEVERITIES[found.severity],
        code=found.code,
        source=f"lorarun {found.slug}",
        related_information=related or None,
    )


def _completions(text: Text, position: types.Position, hints: Hints) -> types.CompletionList:
    line, column = text.from_client(position)
    start, found = hints.complete(text.lines, line, column)
    place = types.Range(text.to_client(line + 1, start + 1), position)
    items = [
        types.CompletionItem(
            label=hint.name,
            kind=types.CompletionItemKind.Property if hint.is_key else types.CompletionItemKind.Value,
            documentation=types.MarkupContent(types.MarkupKind.Markdown, hint.documentation),
            text_edit=types.TextEdit(place, hint.text),
        )
        for hint in found
    ]
    return types.CompletionList(is_incomplete=False, items=items)


def _actions(text: Text, uri: str, parameters: types.CodeActionParams) -> Iterable[types.CodeAction]:
    """Fixes and silencing comments for the findings in a range, and the repair of all that is safe."""
    wanted = parameters.context.only
    for found in _lint(text, uri).diagnostics:
        place = text.range_of(found.span)
        if not _touch(place, parameters.range) or (wanted and types.CodeActionKind.QuickFix not in wanted):
            continue
        if found.fix is not None:
            yield types.CodeAction(
                title=f"lorarun: {found.remedy}",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[_diagnostic(text, uri, found)],
                is_preferred=found.fix.safe,
                edit=_workspace_edit(text, uri, found.fix.edits),
            )
        if found.severity is not Severity.ERROR and found.slug != "suppression-hygiene":
            line = found.span.line
            end = text.to_client(line, len(text.lines[line - 1]) + 1)
            comment = types.TextEdit(types.Range(end, end), f" # lorarun: ignore[{found.slug}]")
            yield types.CodeAction(
                title=f"lorarun: ignore {found.slug} on this line",
                kind=types.CodeActionKind.QuickFix,
                edit=types.WorkspaceEdit(changes={uri: [comment]}),
            )
    if wanted is None or any(str(FIX_ALL.value).startswith(str(getattr(each, "value", each))) for each in wanted):
        fixed = fix_text(text.source, lambda source: _lint(Text(source, text.unit), uri))
        if fixed.text != text.source:
            whole = types.Range(types.Position(0, 0), text.to_client(len(text.lines) + 1, 1))
            yield types.CodeAction(
                title="lorarun: fix everything that is safe to fix",
                kind=FIX_ALL,
                edit=types.WorkspaceEdit(changes={uri: [types.TextEdit(whole, fixed.text)]}),
            )


def _workspace_edit(text: Text, uri: str, edits: Sequence[Edit]) -> types.WorkspaceEdit:
    return types.WorkspaceEdit(changes={uri: [types.TextEdit(text.range_of(edit.span), edit.text) for edit in edits]})


def _touch(one: types.Range, other: types.Range) -> bool:
    def key(position: types.Position) -> tuple[int, int]:
        return position.line, position.character

    return key(one.start) <= key(other.end) and key(other.start) <= key(one.end)
