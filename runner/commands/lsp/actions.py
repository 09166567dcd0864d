"""What an editor offers to do about findings: fix one, fix all that is safe, say that one is meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from lsprotocol import types

from runner.commands.lsp.findings import client_diagnostic
from runner.commands.lsp.text import Text
from schema.fixes.apply import fix_text
from schema.fixes.silence import silence
from schema.lint import Verdict
from schema.text.diagnostic import Diagnostic, Edit

QUICK = types.CodeActionKind.QuickFix.value
FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.lorarun"
LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$")

Lint = Callable[[str], Verdict]


def code_actions(
    text: Text, uri: str, lint: Lint, place: types.Range, only: Sequence[str] | None
) -> Iterator[types.CodeAction]:
    """Yield what can be done about the findings that touch a range, and the repair of everything that is safe."""
    verdict = lint(text.source)
    if _asked(QUICK, only):
        touched = [found for found in verdict.diagnostics if _touch(text.range_of(found.span), place)]
        for found in touched:
            if found.fix is not None:
                edit = _workspace_edit(uri, _text_edits(text, found.fix.edits))
                yield _action(text, uri, found, found.remedy, edit, found.fix.safe)
        for found in {(found.slug, found.span.line): found for found in touched}.values():
            comment = silence(text.source, found, lint)
            if comment is not None:
                edit = _workspace_edit(uri, _text_edits(text, [comment]))
                yield _action(text, uri, found, f"ignore {found.slug} on this line", edit)
    if _asked(FIX_ALL, only) and any(found.fix and found.fix.safe for found in verdict.diagnostics):
        fixed = fix_text(text.source, lint).text
        if fixed != text.source:
            yield types.CodeAction(
                title="lorarun: fix everything that is safe to fix",
                kind=FIX_ALL,
                edit=_workspace_edit(uri, _changed_lines(text, fixed)),
            )


def _asked(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a client wants a kind of action; it names kinds, or what they begin with."""
    return only is None or any(each in ("", kind) or kind.startswith(f"{each}.") for each in only)


def _action(
    text: Text, uri: str, found: Diagnostic, title: str, edit: types.WorkspaceEdit, preferred: bool | None = None
) -> types.CodeAction:
    return types.CodeAction(
        title=f"lorarun: {title}",
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[client_diagnostic(text, uri, found)],
        is_preferred=preferred,
        edit=edit,
    )


def _text_edits(text: Text, edits: Iterable[Edit]) -> list[types.TextEdit]:
    return [types.TextEdit(text.range_of(edit.span), edit.text) for edit in edits]


def _changed_lines(text: Text, changed: str) -> list[types.TextEdit]:
    """The lines that differ, so that marks and folds of the others stay where they are."""
    before, after = LINE.findall(text.source), LINE.findall(changed)
    return [
        types.TextEdit(
            types.Range(text.to_client(start + 1, 1), text.to_client(end + 1, 1)), "".join(after[first:last])
        )
        for kind, start, end, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        if kind != "equal"
    ]


def _workspace_edit(uri: str, edits: list[types.TextEdit]) -> types.WorkspaceEdit:
    return types.WorkspaceEdit(changes={uri: edits})


def _touch(one: types.Range, other: types.Range) -> bool:
    def key(position: types.Position) -> tuple[int, int]:
        return position.line, position.character

    return key(one.start) <= key(other.end) and key(other.start) <= key(one.end)
