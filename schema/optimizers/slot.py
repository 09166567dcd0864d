"""One array of an optimizer's state, and what its declaration may ask of the parameter that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, Protocol


class Weight(Protocol):
    """A trained array: its path in the tree, its shape, the logical axis of each dimension."""

    @property
    def path(self) -> str:
        """Names from the root, such as blocks/attn/q_proj/kernel."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths; a leading `layers` axis stacks the blocks."""

    @property
    def axes(self) -> tuple[str, ...]:
        """Logical axes, one a dimension."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One array of a state; `name` is the field of the state that holds it."""

    name: str
    shape: tuple[int, ...] = ()
    axes: tuple[str, ...] = ()
    dtype: Literal["float32", "int32"] = "float32"

    @property
    def size(self) -> int:
        """Number of scalars."""
        return prod(self.shape)
