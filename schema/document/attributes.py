"""Plain values as objects, as the facts of families want sections."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def attributes(value: Any) -> Any:
    """Return a plain value with its mappings as objects that have their keys as attributes."""
    if isinstance(value, list):
        return [attributes(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return SimpleNamespace(**{name: attributes(inner) for name, inner in value.items()})
