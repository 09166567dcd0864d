"""Cells of a table that hold JSON: values that have no fields in common, which a table can't hold otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Decode = Callable[[Any], Any]


def decoder(kind: Any) -> Decode | None:
    """Return what reads the values of a column of this type, a `pyarrow.DataType`; None where none of it is JSON."""
    import pyarrow.types as types

    if getattr(kind, "extension_name", "") == "arrow.json":
        return _value
    if types.is_list(kind) or types.is_large_list(kind):
        inner = decoder(kind.value_type)
        return None if inner is None else _of_list(inner)
    if types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        inners = {field.name: found for field in fields if (found := decoder(field.type))}
        return _of_fields(inners) if inners else None
    return None


def _value(cell: Any) -> Any:
    return None if cell is None else json.loads(cell)


def _of_list(inner: Decode) -> Decode:
    return lambda cells: None if cells is None else [inner(cell) for cell in cells]


def _of_fields(inners: dict[str, Decode]) -> Decode:
    def decode(cells: Any) -> Any:
        return None if cells is None else cells | {name: inner(cells[name]) for name, inner in inners.items()}

    return decode
