"""The server, with pygls: which request of an editor is answered by what, over standard input and output."""

from __future__ import annotations

from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from runner.commands.lsp.actions import FIX_ALL, QUICK, Lint, code_actions
from runner.commands.lsp.findings import SOURCE, client_diagnostic
from runner.commands.lsp.names import Remembered, known_names
from runner.commands.lsp.text import Text
from schema.document import Document
from schema.editor.hints import Guide
from schema.lint import Verdict, lint_text
from schema.settings import Settings, SettingsError, read_settings


def serve() -> None:
    """Answer an editor over standard input and output until it hangs up."""
    build_server().start_io()


def build_server() -> LanguageServer:
    """Return a server whose features are those of the linter."""
    # Whole texts: they are small, and what a line is to YAML is not what it is to Python's splitlines.
    server = LanguageServer(SOURCE, _version(), types.TextDocumentSyncKind.Full)
    _report_findings(server)
    _answer_questions(server, Guide())
    return server


def _report_findings(server: LanguageServer) -> None:
    """Publish the findings of a document whenever it may have got others."""
    complaints: dict[str, str] = {}

    def publish(uri: str) -> None:
        settings, complaint = _settings(_path(server, uri))
        if complaint and complaint != complaints.get(uri):
            warning = f"{complaint}; specs are linted without these settings until that is fixed"
            server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, warning))
        complaints[uri] = complaint
        text = _text(server, uri)
        verdict = lint_text(text.source, _path(server, uri), settings=settings)
        found = [client_diagnostic(text, uri, each) for each in verdict.diagnostics]
        number = server.workspace.get_text_document(uri).version
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, number))

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
        complaints.pop(uri, None)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))


def _answer_questions(server: LanguageServer, guide: Guide) -> None:
    """Answer what a reader or a writer asks at a place: what is this, what can stand here, what can be done."""
    remembered = Remembered()

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(parameters: types.HoverParams) -> types.Hover | None:
        uri = parameters.text_document.uri
        text = _text(server, uri)
        document = _lint(server, uri)(text.source).document
        markdown = guide.hover(text.lines, *text.from_client(parameters.position), document)
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, markdown)) if markdown else None

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[" ", "\n", "{", "["]))
    def completion(parameters: types.CompletionParams) -> types.CompletionList:
        uri = parameters.text_document.uri
        text = _text(server, uri)
        line, _ = text.from_client(parameters.position)
        document = remembered.around(uri, text.lines, line)
        return _completions(text, parameters.position, guide, document)

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[QUICK, FIX_ALL]))
    def code_action(parameters: types.CodeActionParams) -> list[types.CodeAction]:
        uri, only = parameters.text_document.uri, parameters.context.only
        kinds = None if only is None else [_word(kind) for kind in only]
        return list(code_actions(_text(server, uri), uri, _lint(server, uri), parameters.range, kinds))


def _completions(text: Text, position: types.Position, guide: Guide, document: Document | None) -> types.CompletionList:
    line, column = text.from_client(position)
    hints = guide.complete(text.lines, line, column, document, known_names(document))
    place = types.Range(text.to_client(line + 1, hints.start + 1), text.to_client(line + 1, hints.end + 1))
    items = [
        types.CompletionItem(
            label=hint.name,
            kind=types.CompletionItemKind.Property if hint.is_key else types.CompletionItemKind.Value,
            documentation=types.MarkupContent(types.MarkupKind.Markdown, hint.documentation),
            text_edit=types.TextEdit(place, hint.text),
            insert_text_mode=types.InsertTextMode.AsIs,  # a section's second line is indented already
        )
        for hint in hints.found
    ]
    return types.CompletionList(is_incomplete=False, items=items)


def _text(server: LanguageServer, uri: str) -> Text:
    unit = server.workspace.position_encoding or types.PositionEncodingKind.Utf16
    return Text(server.workspace.get_text_document(uri).source, _word(unit))


def _word(choice: Enum | str) -> str:
    """The word of the protocol for what lsprotocol may have made a member of an enumeration."""
    return str(choice.value) if isinstance(choice, Enum) else choice


def _path(server: LanguageServer, uri: str) -> str:
    """The file of a document; one that was never saved counts as a file of the workspace."""
    return to_fs_path(uri) or str(Path(server.workspace.root_path or "") / "spec.yaml")


def _lint(server: LanguageServer, uri: str) -> Lint:
    """Return what lints a text as that of a document."""
    path = _path(server, uri)
    settings, _ = _settings(path)

    def lint(source: str) -> Verdict:
        return lint_text(source, path, settings=settings)

    return lint


def _settings(path: str) -> tuple[Settings, str]:
    """The settings of the project that a file belongs to, and what is wrong with them: a sentence or nothing."""
    try:
        return read_settings(Path(path)), ""
    except SettingsError as error:
        return Settings(), str(error)


def _version() -> str:
    """The version that is installed; a checkout that is not installed has none."""
    try:
        return version("lorarun")
    except PackageNotFoundError:
        return ""
