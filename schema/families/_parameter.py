"""One array of a parameter tree, and the adapters that sit on such arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One array of the parameter tree; a leading `layers` axis stacks the blocks."""

    path: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of scalars."""
        return prod(self.shape)

    @property
    def matrix(self) -> tuple[int, int] | None:
        """(in, out) of what an adapter can sit on, None for norms and biases."""
        if self.path.rsplit("/", 1)[-1] not in ("kernel", "embedding"):
            return None
        return (self.shape[-2], self.shape[-1])

    @property
    def layers(self) -> int:
        """How many matrices or vectors are stacked in this array."""
        return self.shape[0] if self.axes[0] == "layers" else 1


def adapters(found: Sequence[Parameter], target_modules: Sequence[str], rank: int) -> tuple[Parameter, ...]:
    """List the lora_A and lora_B arrays that `target_modules` put on these parameters."""
    added = []
    for parameter in found:
        if parameter.matrix is None or not any(target in parameter.path for target in target_modules):
            continue
        stack, stack_axes = parameter.shape[:-2], parameter.axes[:-2]
        inputs, outputs = parameter.matrix
        in_axis, out_axis = parameter.axes[-2:]
        added.append(Parameter(f"lora_A/{parameter.path}", (*stack, inputs, rank), (*stack_axes, in_axis, "rank")))
        added.append(Parameter(f"lora_B/{parameter.path}", (*stack, rank, outputs), (*stack_axes, "rank", out_axis)))
    return tuple(added)
