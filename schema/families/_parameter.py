"""One array of a parameter tree, what a target matches, and the adapters that sit on such arrays."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal, NamedTuple

ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
VECTORS = ("scale", "bias")  # last parts of the paths of norms and biases, which layers may stack to two axes

Role = Literal["embedding", "positions", "blocks", "head", "norm"]
TABLES: dict[tuple[str, ...], Role] = {
    ("vocab", "embed"): "embedding",
    ("positions", "embed"): "positions",
    ("embed", "vocab"): "head",
}


class Parameter(NamedTuple):
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
        return (self.shape[-2], self.shape[-1]) if is_matrix(self.path) else None

    @property
    def layers(self) -> int:
        """How many matrices or vectors are stacked in this array."""
        return self.shape[0] if self.axes[0] == "layers" else 1

    @property
    def role(self) -> Role:
        """What the array does in the model, read from its logical axes."""
        return "blocks" if self.axes[0] == "layers" else TABLES.get(self.axes, "norm")


def is_matrix(path: str) -> bool:
    """Whether the parameter at a path is a matrix (…, in, out): an adapter can sit on it, and its weights decay."""
    return path.rpartition("/")[2] not in VECTORS


def matches(path: str, targets: Sequence[str]) -> bool:
    """Whether any of `optimization/lora/target_modules` is a part of a path such as blocks/attn/q_proj/kernel."""
    return any(target in path for target in targets)


def adapted(found: Sequence[Parameter], targets: Sequence[str]) -> list[Parameter]:
    """List the matrices among these parameters that `targets` put adapters on."""
    return [parameter for parameter in found if parameter.matrix is not None and matches(parameter.path, targets)]


def adapters(found: Sequence[Parameter], target_modules: Sequence[str], rank: int) -> tuple[Parameter, ...]:
    """List the lora_A (…, in, rank) and lora_B (…, rank, out) that `target_modules` put on these parameters."""
    added = []
    for parameter in adapted(found, target_modules):
        *stack, inputs, outputs = parameter.shape
        *stack_axes, in_axis, out_axis = parameter.axes
        added.append(Parameter(f"lora_A/{parameter.path}", (*stack, inputs, rank), (*stack_axes, in_axis, "rank")))
        added.append(Parameter(f"lora_B/{parameter.path}", (*stack, rank, outputs), (*stack_axes, "rank", out_axis)))
    return tuple(added)
