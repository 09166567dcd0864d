"""What the documents of a source are, as far as the spec says so, or its records where those are known."""

from __future__ import annotations

from schema.document.document import Document
from schema.document.file_kinds import kind_of
from schema.document.mixtures import Entry
from schema.text.paths import listed

# Built-in datasets: those whose documents have a part that PADDED does not supervise, and those of files as they stand.
PAIRS, FILES = ("pydoc",), ("pystdlib",)
BUILTIN = (*PAIRS, *FILES)


def has_prompts(document: Document, entry: Entry) -> bool:
    """Whether documents have a first part that PADDED does not supervise: a pair of fields, or a conversation."""
    fields = entry.dataset.fields if entry.dataset else None
    if fields is not None:
        return fields.has_prompts
    if not document.has_source(entry.name):
        return entry.name in PAIRS
    source = f"data/sources/{entry.name}"
    if document.given(f"{source}/prompt"):
        return not document.given(f"{source}/text") or entry.of_examples
    return holds_conversations(document, entry)


def is_one_text_a_file(document: Document, entry: Entry) -> bool:
    """Whether each file is known to be one document: the standard library's, and a text that is named alone."""
    if not document.has_source(entry.name):
        return entry.name in FILES
    paths = listed(document.value(f"data/sources/{entry.name}/path"))
    kinds = [None if set("*?[") & set(path) else kind_of(path) for path in paths]
    return bool(kinds) and all(kind is not None and not kind.has_records for kind in kinds)


def holds_conversations(document: Document, entry: Entry) -> bool:
    """Whether documents are conversations, which a chat template renders."""
    if document.source_names(entry.name, "tokens"):
        return False
    return any(document.source_names(entry.name, key) for key in ("messages", "instruction"))
