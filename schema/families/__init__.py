"""Facts of the model families, one file each: parameters, activation bytes, FLOPs."""

from __future__ import annotations

from schema.families._parameter import ITEM_BYTES, Parameter, adapters
from schema.families.gpt import POSITIONS, activation_bytes, exported_size, flops_per_token, parameters

__all__ = [
    "ITEM_BYTES",
    "POSITIONS",
    "Parameter",
    "activation_bytes",
    "adapters",
    "exported_size",
    "flops_per_token",
    "parameters",
]
