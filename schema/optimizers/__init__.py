"""Optimizers, one kind a folder: `keys` are those of its section in the spec, `slots` the arrays of its state.

`slots` load without pydantic. Bytes, sharding and the check at the birth of a state all read the same slots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Literal, Protocol, cast

from schema.families import Parameter
from schema.optimizers.slot import Slot

__all__ = ["Kind", "Slot", "load_slots", "optimizer_of", "state_slots"]


class Kind(Protocol):
    """What the module `slots` of a kind offers."""

    SECTIONS: tuple[str, ...]  # names of the sections of `optimization` whose keys it reads
    SHARED: tuple[Slot, ...]  # arrays that the state holds once, not for each parameter

    def slots(self, weight: Parameter, optimization: Any) -> tuple[Slot, ...]:
        """Arrays that the state holds for one trained parameter; `optimization` is the section or a view of it."""


def optimizer_of(optimization: Any, phase: Literal["full", "lora"]) -> str:
    """Name the kind that trains a phase."""
    kind: str = optimization.optimizer if phase == "full" else optimization.lora.optimizer
    return kind


def load_slots(kind: str) -> Kind:
    """Load the module `slots` of a kind."""
    return cast(Kind, import_module(f"schema.optimizers.{kind}.slots"))


def state_slots(optimization: Any, phase: Literal["full", "lora"], weights: Sequence[Parameter]) -> Iterator[Slot]:
    """Yield every array of the optimizer's state of a phase that trains these parameters."""
    kind = load_slots(optimizer_of(optimization, phase))
    yield from kind.SHARED
    for weight in weights:
        yield from kind.slots(weight, optimization)
