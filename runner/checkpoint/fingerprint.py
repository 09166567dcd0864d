"""Whether arrays that were read back are those that were trained, found out without moving the trained ones.

A fingerprint is one number a leaf, sum over i of mix(bits_i xor 2654435761 · i) modulo 2^32, where mix is the finaliser
of MurmurHash3, a bijection: any one element that differs changes the sum, more of them but for one chance in 2^32. It
is a sum of integers, so every mesh computes the same, and each device reads its own shards only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

UNSIGNED = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}  # by bytes of an element
GOLDEN = 2654435761  # Knuth's multiplier, 2^32 over the golden ratio
ELEMENTS_AT_ONCE = 2**22  # on the host


Flat = Mapping[str, Any]  # arrays by path


class Fingerprints:
    """What a flat tree of arrays is, under way on its devices; only `noted` waits for them."""

    def __init__(self, flat: Flat) -> None:
        self.shapes = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in flat.items()}
        self._numbers = _fingerprints(dict(flat))

    def noted(self) -> dict[str, str]:
        """Type and fingerprint of each array, as a manifest holds them: float32:3095029833."""
        numbers = jax.device_get(self._numbers)
        return {name: f"{shape.dtype}:{numbers[name]}" for name, shape in self.shapes.items()}

    def differing(self, noted: Mapping[str, str]) -> list[str]:
        """Names of the arrays that are not those that were `noted`; one that has another type now is not compared."""
        own = self.noted()
        kinds = {name: text.partition(":")[0] for name, text in noted.items()}
        return [name for name, text in own.items() if kinds[name] == text.partition(":")[0] and noted[name] != text]


def noted_on_host(flat: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, str]:
    """The same as `Fingerprints.noted`, of arrays on the host."""
    return {name: f"{array.dtype}:{_on_host(array)}" for name, array in flat.items()}


@jax.jit
def _fingerprints(flat: dict[str, jax.Array]) -> dict[str, jax.Array]:
    return {name: _on_devices(array) for name, array in flat.items()}


@jax.jit  # traced once for a shape, which weights share with the buffers of their optimizer
def _on_devices(array: jax.Array) -> jax.Array:
    bits = jax.lax.bitcast_convert_type(array, UNSIGNED[array.dtype.itemsize]).astype(jnp.uint32)
    place, stride = jnp.zeros((), jnp.uint32), 1
    for axis in reversed(range(array.ndim)):  # no reshape, which would gather what is sharded
        place = place + jax.lax.broadcasted_iota(jnp.uint32, array.shape, axis) * jnp.uint32(stride % 2**32)
        stride *= array.shape[axis]
    return jnp.sum(_mix(bits ^ (place * jnp.uint32(GOLDEN))), dtype=jnp.uint32)


def _on_host(array: np.ndarray[Any, Any]) -> int:
    bits = np.ascontiguousarray(array).reshape(-1).view(UNSIGNED[array.dtype.itemsize])
    total = 0
    for first in range(0, bits.size, ELEMENTS_AT_ONCE):
        part = bits[first : first + ELEMENTS_AT_ONCE].astype(np.uint32)
        place = np.arange(first, first + len(part), dtype=np.uint64).astype(np.uint32)
        total += int(_mix(part ^ (place * np.uint32(GOLDEN))).sum(dtype=np.uint64))
    return total % 2**32


def _mix(bits: Any) -> Any:
    """The finaliser of MurmurHash3 (Appleby, 2008), for jax and numpy alike; unsigned products wrap in both."""
    bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    bits = (bits ^ (bits >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return bits ^ (bits >> np.uint32(16))
