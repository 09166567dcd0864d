"""The paths of files that a source names: one, or a list of them, to train on and to validate on."""

from __future__ import annotations

from collections.abc import Iterator

from schema.document.document import Document
from schema.text.paths import listed

KEYS = ("path", "validation")


def written_paths(document: Document, name: str) -> Iterator[tuple[str, str]]:
    """Yield the key, with its place in a list, and the text of each path of data/sources/NAME that can be read."""
    for each in KEYS[:1] if document.source_names(name, "hub") else KEYS:  # whose validation names rows
        key = f"data/sources/{name}/{each}"
        if document.given(key) and document.available(key):
            value = document.value(key)
            for index, path in enumerate(listed(value)):
                yield f"{key}[{index}]" if isinstance(value, list) else key, path
