"""Our arrays ⇄ those of a Transformers class, as a row of the family's table says.

A kernel (in, out) is a weight (out, in) in the class, and the layers of a stack are modules of their own. A class may
want more than we have: rows before a table, or each key and value head repeated for its group of queries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from schema.families import Parameter, Row

Array = npt.NDArray[Any]
# The parameter at a path, or its part of one layer, on the host in the type that is to be written.
Source = Callable[[str, int | None], Array]


def to_hf(row: Row, path: str, array: Array) -> Array:
    """Bring one layer's kernel (in, out), table (rows, features) or vector (features,) into the class's form."""
    array = array.T if path.endswith("/kernel") else array  # now (out, in)
    if row.rows_before:
        array = np.concatenate([np.zeros((row.rows_before, *array.shape[1:]), array.dtype), array])
    return outputs_to_hf(row, array)


def from_hf(row: Row, path: str, array: Array) -> Array:
    """Undo `to_hf`."""
    array = outputs_from_hf(row, array)[row.rows_before :]
    return array.T if path.endswith("/kernel") else array


def outputs_to_hf(row: Row, array: Array) -> Array:
    """Repeat each head of an array (heads · width, …) as often as the class has it: (heads · copies · width, …)."""
    if row.heads is None:
        return array
    heads, width, copies = row.heads
    rest = array.shape[1:]
    return np.repeat(array.reshape(heads, width, *rest), copies, axis=0).reshape(-1, *rest)


def outputs_from_hf(row: Row, array: Array) -> Array:
    """Take one copy of each head of an array (heads · copies · width, …): (heads · width, …)."""
    if row.heads is None:
        return array
    heads, width, copies = row.heads
    rest = array.shape[1:]
    return array.reshape(heads, copies, width, *rest)[:, 0].reshape(-1, *rest)


def is_same(array: Array, path: str, source: Source) -> bool:
    """Whether an array, or each layer of a stack, has the numbers that a source gives in float32."""
    layers = enumerate(array) if path.startswith("blocks/") else [(None, array)]
    return all(np.array_equal(each.astype(np.float32), source(path, layer)) for layer, each in layers)


def layers_of(parameter: Parameter) -> list[int] | list[None]:
    """The numbers of the layers that are stacked in a parameter; one None for a parameter that is no stack."""
    return list(range(parameter.layers)) if parameter.role == "blocks" else [None]


def stacked(parameter: Parameter, layers: list[Array]) -> Array:
    """Put the layers of a parameter together: (l, …), or the only array of one that is no stack."""
    return np.stack(layers) if parameter.role == "blocks" else layers[0]
