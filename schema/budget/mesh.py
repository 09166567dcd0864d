"""The axes of the mesh: their sizes, and which logical axis of an array each of them splits."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from schema.check.findings import Unavailable

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


def resolvable(mesh: Any) -> bool:
    """Whether some number of devices fits a `mesh` section: no axis is 0, and one at most takes all that remain."""
    asked = [mesh.data, mesh.fsdp, mesh.tensor]
    return 0 not in asked and asked.count(-1) < 2


def mesh_axes(mesh: Any, devices: int) -> dict[str, int]:
    """Resolve a `mesh` section on this many devices to the size of each axis, -1 taking all that remain.

    Raises ValueError, naming both numbers, when the axes do not multiply to the number of devices.
    """
    asked = {"data": mesh.data, "fsdp": mesh.fsdp, "tensor": mesh.tensor}
    fixed = prod(size for size in asked.values() if size != -1)
    written = " × ".join(f"{axis} {size}" for axis, size in asked.items())
    if not resolvable(mesh):
        raise ValueError(f"mesh ({written}): every axis is at least 1, and only one may be -1")
    rest = [axis for axis, size in asked.items() if size == -1]
    if (devices % fixed) if rest else (devices != fixed):
        raise ValueError(
            f"mesh ({written}) needs {'a multiple of ' if rest else ''}{fixed} devices, and there are {devices}"
        )
    return {axis: devices // fixed if size == -1 else size for axis, size in asked.items()}


def fewest_devices(mesh: Any) -> int:
    """The smallest number of devices that a `mesh` section fits: an axis of -1 takes none but its own."""
    return prod(max(size, 1) for size in (mesh.data, mesh.fsdp, mesh.tensor))


def known_axes(mesh: Any, devices: int | None) -> dict[str, int]:
    """Size of each mesh axis; raise Unavailable where the devices are unknown and matter, or the mesh doesn't fit.

    On devices that nobody counted, an axis of -1 is taken for one where it is `data`, which splits no array.
    """
    if devices is None:
        if mesh.fsdp < 1 or mesh.tensor < 1 or mesh.data == 0:
            raise Unavailable("mesh")
        devices = max(mesh.data, 1) * mesh.fsdp * mesh.tensor
    try:
        return mesh_axes(mesh, devices)
    except ValueError as error:
        raise Unavailable("mesh") from error


def batch_parts(mesh: Any, devices: int | None) -> int:
    """Into how many parts the rows of a batch are split; at least into how many, on devices that nobody counted.

    Raises ValueError where the mesh does not fit the devices, or no number of them.
    """
    if devices is None and resolvable(mesh):
        return int(max(mesh.data, 1) * max(mesh.fsdp, 1))
    axes = mesh_axes(mesh, devices or 1)
    return axes["data"] * axes["fsdp"]


def next_multiple(rows: int, parts: int) -> int:
    """The smallest batch of at least `rows` rows that so many parts divide."""
    return -(-rows // parts) * parts
