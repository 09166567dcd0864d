"""One array of a parameter tree, what a target matches, and the adapters that sit on such arrays."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal, NamedTuple

ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
HEAD = "lm_head/kernel"
ALL_LINEAR = "all-linear"  # the target that means every linear layer but the output head, as PEFT means by it
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


def is_linear(path: str) -> bool:
    """Whether the parameter at a path is the matrix of a linear layer other than the output head; a table is none."""
    return path.endswith("/kernel") and path != HEAD


def matches(path: str, targets: Sequence[str]) -> bool:
    """Whether any of `optimization/lora/target_modules` reaches the parameter at a path.

    A target is a part of such a path, blocks/attn/q_proj/kernel, or `ALL_LINEAR`.
    """
    each = (targets,) if isinstance(targets, str) else targets
    return any(is_linear(path) if target == ALL_LINEAR else target in path for target in each)


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
