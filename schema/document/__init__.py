"""A checked spec as the rules see it: its places and values, its budget, its mixtures."""

from __future__ import annotations

from schema.document.adapter import ADAPTER_CONFIG, read_adapter_config
from schema.document.architectures import other_architecture
from schema.document.attributes import attributes
from schema.document.document import NOTHING_RECORDED, SCHEMA_FILE, Document, load_schema, parse, read_document
from schema.document.pretrained import Pretrained, Recorded

__all__ = [
    "ADAPTER_CONFIG",
    "NOTHING_RECORDED",
    "SCHEMA_FILE",
    "Document",
    "Pretrained",
    "Recorded",
    "attributes",
    "load_schema",
    "other_architecture",
    "parse",
    "read_adapter_config",
    "read_document",
]
