"""A checked spec as the rules see it: its places and values, its budget, its mixtures."""

from __future__ import annotations

from schema.document.document import SCHEMA_FILE, Document, attributes, load_schema, parse, read_document

__all__ = ["SCHEMA_FILE", "Document", "attributes", "load_schema", "parse", "read_document"]
