"""One array of an optimizer's state: what bytes, sharding and the birth of a state read of it."""

from __future__ import annotations

from math import prod
from typing import Literal, NamedTuple


class Slot(NamedTuple):
    """One array of a state; `name` is the field of the state that holds it."""

    name: str
    shape: tuple[int, ...] = ()
    axes: tuple[str, ...] = ()
    dtype: Literal["float32", "int32"] = "float32"

    @property
    def size(self) -> int:
        """Number of scalars."""
        return prod(self.shape)
