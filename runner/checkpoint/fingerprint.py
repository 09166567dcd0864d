"""Fingerprints compare arrays that were read back with the trained ones, which stay on their devices.

The fingerprint of a leaf is the sum over i of mix(bits_i xor 2654435761 · i) modulo 2^32. mix, the finaliser of
MurmurHash3, is a bijection of 32 bits: one element that differs always changes the sum, several fail to with a chance
of 2^-32. A sum of integers does not depend on its order: every mesh computes the same, each device from its own shards.
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
    """Shapes and fingerprints of a flat tree of arrays; its devices compute them, and only `noted` waits for it."""

    def __init__(self, flat: Flat) -> None:
        self.shapes = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in flat.items()}
        self._numbers = _fingerprints(dict(flat))

    def noted(self) -> dict[str, str]:
        """Return type and fingerprint of each array, as a manifest holds them: float32:3095029833."""
        numbers = jax.device_get(self._numbers)
        return {name: f"{shape.dtype}:{numbers[name]}" for name, shape in self.shapes.items()}

    def differing(self, noted: Mapping[str, str]) -> list[str]:
        """Return the names of the arrays that differ from the `noted` ones; arrays of another type are not compared."""
        own = self.noted()
        kinds = {name: text.partition(":")[0] for name, text in noted.items()}
        return [name for name, text in own.items() if kinds[name] == text.partition(":")[0] and noted[name] != text]


def noted_on_host(flat: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, str]:
    """Return what `Fingerprints.noted` does, of arrays on the host."""
    return {name: f"{array.dtype}:{_on_host(array)}" for name, array in flat.items()}


@jax.jit
def _fingerprints(flat: dict[str, jax.Array]) -> dict[str, jax.Array]:
    return {name: _on_devices(array) for name, array in flat.items()}


@jax.jit  # traced once for a shape, which weights share with the buffers of their optimizer
def _on_devices(array: jax.Array) -> jax.Array:
    # The bits as they are stored: NaNs compare and −0 differs from 0. Elements of 8 bytes count with their low 4.
    bits = jax.lax.bitcast_convert_type(array, UNSIGNED[array.dtype.itemsize]).astype(jnp.uint32)
    # `place` is the element's number i in row-major order, so that two swapped elements change the sum.
    place, stride = jnp.zeros((), jnp.uint32), 1
    for axis in reversed(range(array.ndim)):  # a reshape to one axis would gather what is sharded
        place = place + jax.lax.broadcasted_iota(jnp.uint32, array.shape, axis) * jnp.uint32(stride % 2**32)
        stride *= array.shape[axis]
    return jnp.sum(_mix(bits ^ (place * jnp.uint32(GOLDEN))), dtype=jnp.uint32)


def _on_host(array: np.ndarray[Any, Any]) -> int:
    bits = np.ascontiguousarray(array).reshape(-1).view(UNSIGNED[array.dtype.itemsize])
    total = 0  # of any size: reduced modulo 2^32 at the end, as the devices' uint32 wraps
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
