"""The comment that an editor writes to silence a finding."""

from __future__ import annotations

from schema.fixes.apply import edited
from schema.fixes.silence import silence
from schema.lint import lint_text
from schema.text.diagnostic import Diagnostic

HEAD = "tokenizer: {backend: byte}\n"


def finding(text: str, slug: str) -> Diagnostic:
    return next(found for found in lint_text(text).diagnostics if found.slug == slug)


def silenced(text: str, slug: str) -> str | None:
    """The text with the comment; None when there is none that would do."""
    edit = silence(text, finding(text, slug), lint_text)
    return edited(text, [edit]) if edit else None


def test_a_comment_is_written_behind_the_line() -> None:
    text = HEAD + "training:\r\n  dataset: [{name: web, rate: 1.0, style: pmd}]  \r\n  seed: 1\r\n"
    assert silenced(text, "style-case") == text.replace("]  ", "] # lorarun: ignore[style-case]")


def test_a_comment_that_is_there_is_extended() -> None:
    text = HEAD + "training:\n  dataset: [{name: web, rate: 1.0, style: pmd}] # lorarun: ignore[{}]\n"
    for before, after in (("partial-batch-stage", "partial-batch-stage, style-case"), ("", "style-case")):
        written = silenced(text.replace("{}", before), "style-case")
        assert written == text.replace("{}", after)
    plain = text.replace("lorarun: ignore[{}]", "a note")
    assert silenced(plain, "style-case") == plain.replace("note", "note # lorarun: ignore[style-case]")


def test_within_a_text_of_several_lines_the_comment_stands_above() -> None:
    text = HEAD + 'training:\n  dataset: [{name: web, rate: 1.0, style: pmd, suffix: "a\n    b"}]\n'
    assert silenced(text, "style-case") == text.replace("  dataset", "  # lorarun: ignore[style-case]\n  dataset")


def test_errors_and_findings_about_comments_are_not_silenced() -> None:
    assert silenced(HEAD + "training: {seed: 1, sed: 2}\n", "unknown-key") is None
    assert silenced(HEAD + "training: {seed: 1} # lorarun: ignore[style-case]\n", "suppression-hygiene") is None
