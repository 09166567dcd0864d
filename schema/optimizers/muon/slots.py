"""The state of Muon: one momentum of each matrix of a block, AdamW's two moments of every other parameter."""

from __future__ import annotations

from typing import Any

from schema.families import HEAD, Parameter
from schema.optimizers.adamw import slots as adamw
from schema.optimizers.slot import Slot

SECTIONS = ("muon", "adamw")
# Its own count of steps, the coefficients of the Newton-Schulz polynomial, and what AdamW shares.
SHARED = (Slot("count", dtype="int32"), Slot("ns_coeffs", (3,), ("coefficients",)), *adamw.SHARED)


def slots(weight: Parameter, optimization: Any) -> tuple[Slot, ...]:
    """Momentum `mu`, placed as the parameter is; AdamW's slots where AdamW trains it."""
    if is_orthogonalised(weight.path):
        return (Slot("mu", weight.shape, weight.axes),)
    return adamw.slots(weight, optimization)


def is_orthogonalised(path: str) -> bool:
    """Whether Muon trains the parameter at this path: kernels and their adapters, but for those of the output head.

    Tables of embeddings, norms and biases are left to AdamW (Jordan et al. 2024).
    """
    return path.endswith("kernel") and not path.endswith(HEAD)
