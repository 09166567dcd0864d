"""The state of AdamW: a count of steps, and two moments of each parameter in its shape."""

from __future__ import annotations

from typing import Any

from schema.families import Parameter
from schema.optimizers.slot import Slot

SECTIONS = ("adamw",)
SHARED = (Slot("count", dtype="int32"),)


def slots(weight: Parameter, optimization: Any) -> tuple[Slot, ...]:
    """First moment `mu` and second moment `nu`, placed as the parameter is."""
    del optimization
    return Slot("mu", weight.shape, weight.axes), Slot("nu", weight.shape, weight.axes)
