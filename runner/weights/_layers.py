"""Tensors of safetensors files onto the mesh: each device's part is read, and layers are stacked on the devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes  # noqa: F401  numpy knows bfloat16 by it
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from safetensors import safe_open

Index = tuple[slice, ...]
BLOCK = 2**20  # scalars of a file that are read at a time


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor in a file, in our orientation: `transposed` are kernels, (out, in) there and (in, out) here."""

    path: Path
    name: str
    transposed: bool

    def read(self, index: Index, dtype: Any) -> np.ndarray[Any, Any]:
        """Read a part of it, in another type; beside the result a block of the file is in memory at a time."""
        with safe_open(self.path, "np") as file:
            stored = file.get_slice(self.name)
            # As they are there: the rows of a block, and the columns of all blocks.
            rows, *columns = (
                slice(*part.indices(length))
                for part, length in zip(index[::-1] if self.transposed else index, stored.get_shape(), strict=True)
            )
            shape = tuple(part.stop - part.start for part in (rows, *columns))
            found = np.empty(shape[::-1] if self.transposed else shape, dtype)
            there = found.T if self.transposed else found
            step = max(1, BLOCK // prod(shape[1:]))
            for row in range(0, shape[0], step):
                end = min(row + step, shape[0])
                there[row:end] = stored[(slice(rows.start + row, rows.start + end), *columns)]
        return found


def place(tensor: Tensor, like: jax.ShapeDtypeStruct) -> jax.Array:
    """Put a tensor where `like` says, in its type; a part that several devices hold is read once."""
    parts: dict[str, np.ndarray[Any, Any]] = {}

    def part(index: Index | None) -> np.ndarray[Any, Any]:
        places = index or (slice(None),) * len(like.shape)
        if str(places) not in parts:
            parts[str(places)] = tensor.read(places, like.dtype)
        return parts[str(places)]

    # Waited for, so that the next tensor is read when this one has left the host.
    return jax.block_until_ready(jax.make_array_from_callback(like.shape, like.sharding, part))


def stack(layers: Sequence[Tensor], like: jax.ShapeDtypeStruct) -> jax.Array:
    """Stack tensors (…) as (l, …) where `like` says; the host holds one layer's part at a time."""
    sharding: Any = like.sharding
    of_layer = NamedSharding(sharding.mesh, PartitionSpec(*tuple(sharding.spec)[1:]))
    one = jax.ShapeDtypeStruct(like.shape[1:], like.dtype, sharding=of_layer)
    whole = _zeros(like.shape, like.dtype, sharding)
    for number, tensor in enumerate(layers):
        whole = jax.block_until_ready(_put(whole, place(tensor, one), number, sharding))
    # The compiler writes the same placement in other words, P() for P(None, None), which would not be equal.
    parts = [part.data for part in whole.addressable_shards]
    return jax.make_array_from_single_device_arrays(like.shape, sharding, parts)


# Compiled once for all parameters of a shape.
@partial(jax.jit, static_argnums=(0, 1, 2))
def _zeros(shape: tuple[int, ...], dtype: Any, sharding: NamedSharding) -> jax.Array:
    return jax.lax.with_sharding_constraint(jnp.zeros(shape, dtype), sharding)


@partial(jax.jit, donate_argnums=0, static_argnums=3)
def _put(whole: jax.Array, layer: jax.Array, number: int, sharding: NamedSharding) -> jax.Array:
    more = jax.lax.dynamic_update_index_in_dim(whole, layer, number, 0)
    return jax.lax.with_sharding_constraint(more, sharding)
