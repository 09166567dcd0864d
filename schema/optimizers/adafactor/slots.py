"""The state of Adafactor: a number a row and a number a column of each large matrix, or a whole second moment."""

from __future__ import annotations

from typing import Any

from schema.families import Parameter, is_matrix
from schema.optimizers.slot import Slot

SECTIONS = ("adafactor",)
SHARED = (Slot("steps", dtype="int32"),)


def slots(weight: Parameter, optimization: Any) -> tuple[Slot, ...]:
    """Means of squared gradients (…, in) `v_row` and (…, out) `v_col` of a kernel (…, in, out), or all of them, `v`.

    Each keeps the axes of its dimensions, so that it is split as the parameter is.
    """
    shape, axes = weight.shape, weight.axes
    if not is_factored(weight.path, shape, optimization.adafactor.min_dim_size_to_factor):
        return (Slot("v", shape, axes),)
    return Slot("v_row", shape[:-1], axes[:-1]), Slot("v_col", (*shape[:-2], shape[-1]), (*axes[:-2], axes[-1]))


def is_factored(path: str, shape: tuple[int, ...], least: int) -> bool:
    """Whether both sides of a matrix have `least` rows or more; stacked norms and biases are no matrices."""
    return own_dimensions(path) == 2 and min(shape[-2:]) >= least


def own_dimensions(path: str) -> int:
    """How many of the last dimensions are a parameter's own; the others stack layers."""
    return 2 if is_matrix(path) else 1
