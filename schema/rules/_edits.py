"""What several rules write when they fix something."""

from __future__ import annotations

from schema.document import Document, parse
from schema.text.diagnostic import Edit
from schema.text.scalars import written


def number(document: Document, path: str, value: int) -> str:
    """Write a whole number in place of another: plain digits where the user wrote plain digits."""
    span = document.span(path)
    before = span.origin.lines[span.line - 1][span.column - 1 : span.end_column - 1]
    return str(value) if before.isdecimal() else written(value)


def put(document: Document, path: str, text: str) -> Edit | None:
    """Give a key a single value: where it is written its value is replaced, else it is added."""
    keys = parse(path)
    return document.edits.replace(keys, text) if document.given(path) else document.edits.insert(keys, text)
