"""The axes of the mesh: their sizes, and which logical axis of an array each of them splits."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

# Which mesh axis splits a logical axis; an axis that is not named stays whole on every device.
AXIS_RULES: tuple[tuple[str, str | tuple[str, str]], ...] = (
    ("rows", ("data", "fsdp")),
    ("embed", "fsdp"),
    ("heads", "tensor"),
    ("kv_heads", "tensor"),
    ("mlp", "tensor"),
    ("vocab", "tensor"),
)


def parts_of(axes: Sequence[str], shape: Sequence[int], mesh: dict[str, int]) -> int:
    """Into how many parts a mesh of these axis sizes splits an array: an axis that does not divide, does not."""
    rules = dict(AXIS_RULES)
    split = [
        (mesh[name], length)
        for axis, length in zip(axes, shape, strict=True)
        if isinstance(name := rules.get(axis), str)
    ]
    return prod(parts for parts, length in split if length % parts == 0)


def mesh_axes(mesh: Any, devices: int) -> dict[str, int]:
    """Resolve a `mesh` section on this many devices to the size of each axis, -1 taking all that remain.

    Raises ValueError, naming both numbers, when the axes do not multiply to the number of devices.
    """
    asked = {"data": mesh.data, "fsdp": mesh.fsdp, "tensor": mesh.tensor}
    fixed = prod(size for size in asked.values() if size != -1)
    written = " × ".join(f"{axis} {size}" for axis, size in asked.items())
    if 0 in asked.values() or list(asked.values()).count(-1) > 1:
        raise ValueError(f"mesh ({written}): every axis is at least 1, and only one may be -1")
    rest = [axis for axis, size in asked.items() if size == -1]
    if (devices % fixed) if rest else (devices != fixed):
        raise ValueError(
            f"mesh ({written}) needs {'a multiple of ' if rest else ''}{fixed} devices, and there are {devices}"
        )
    return {axis: devices // fixed if size == -1 else size for axis, size in asked.items()}
