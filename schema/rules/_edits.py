"""What several rules write when they fix something."""

from __future__ import annotations

from schema.diagnostic import Edit
from schema.document import Document, parse


def put(document: Document, path: str, text: str) -> Edit | None:
    """Give a key a single value: where it is written its value is replaced, else it is added."""
    keys = parse(path)
    return document.edits.replace(keys, text) if document.given(path) else document.edits.insert(keys, text)
