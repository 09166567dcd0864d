"""Devices → Mesh; logical axis → NamedSharding; batches onto the mesh.

The axes are data, fsdp and tensor; `schema.budget.mesh.AXIS_RULES` says which logical axis each of them splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from runner.plan.compile import resolve_mesh
from schema.budget.mesh import AXIS_RULES
from schema.sections.mesh import Mesh as MeshSection


def build_mesh(section: MeshSection) -> jax.sharding.Mesh:
    """Return the mesh (data, fsdp, tensor) of all devices that the `mesh` section describes.

    Raises Failure INVALID, naming both numbers, when the axes do not multiply to the number of devices.
    """
    # Auto: the compiler derives the shardings of intermediate arrays from those of states, batches and constraints.
    axes = resolve_mesh(section, jax.device_count())
    return jax.make_mesh(tuple(axes.values()), tuple(axes), axis_types=(AxisType.Auto,) * len(axes))


def logical_sharding(mesh: jax.sharding.Mesh, axes: Sequence[str | None], shape: Sequence[int]) -> NamedSharding:
    """Return an array's sharding by its logical axes; a dimension that its mesh axis does not divide stays whole."""
    rules: dict[str | None, Any] = dict(AXIS_RULES)
    # ("layers", "embed", "heads") of (l, d, h · head) → PartitionSpec(None, "fsdp", "tensor"), where both divide.
    names = [rules.get(axis) for axis in axes]
    fitting = [name if length % _devices(mesh, name) == 0 else None for name, length in zip(names, shape, strict=True)]
    return NamedSharding(mesh, PartitionSpec(*fitting))


def state_sharding(mesh: jax.sharding.Mesh, boxed: Any) -> Any:
    """Map each array of an abstract state to its NamedSharding: boxed ones by their axes, others on every device."""

    def place(leaf: Any) -> NamedSharding:
        if isinstance(leaf, nn.LogicallyPartitioned):
            return logical_sharding(mesh, leaf.names, leaf.value.shape)
        return NamedSharding(mesh, PartitionSpec())

    return jax.tree.map(place, boxed, is_leaf=lambda leaf: isinstance(leaf, nn.meta.AxisMetadata))


def batch_sharding(mesh: jax.sharding.Mesh) -> NamedSharding:
    """Return the sharding of an array (b, …): rows are split over data × fsdp, further dimensions stay whole."""
    return NamedSharding(mesh, PartitionSpec(dict(AXIS_RULES)["rows"]))


def batch_devices(mesh: jax.sharding.Mesh) -> int:
    """Return into how many parts the rows of a batch are split: data × fsdp."""
    return _devices(mesh, dict(AXIS_RULES)["rows"])


def put_batch(mesh: jax.sharding.Mesh, batch: Mapping[str, np.ndarray]) -> dict[str, jax.Array]:
    """Put the arrays (rows, …) of a batch on the mesh, by explicit transfers.

    Every process passes the whole batch and copies only the rows of its own devices.
    """
    # A device_put for each part: explicit, as the loop's transfer guard demands, and without the other processes.
    sharding = batch_sharding(mesh)

    def put(x: np.ndarray) -> jax.Array:
        places = sharding.addressable_devices_indices_map(x.shape)
        parts = jax.device_put([x[index] for index in places.values()], list(places))
        return jax.make_array_from_single_device_arrays(x.shape, sharding, parts)

    return {name: put(x) for name, x in batch.items()}


def enable_compilation_cache(folder: Path | None) -> None:
    """Keep compiled programs in a folder, if any, for later runs, small ones too, unless jax is configured with one."""
    if folder is None or jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _devices(mesh: jax.sharding.Mesh, name: str | Sequence[str] | None) -> int:
    names = [name] if isinstance(name, str) else name or []
    return prod(mesh.shape[axis] for axis in names)
