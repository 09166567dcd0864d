"""A fingerprint is the same on devices and host, and that of no other array."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from runner.checkpoint.fingerprint import ELEMENTS_AT_ONCE, Fingerprints, noted_on_host
from tests.runner.tiny_run import one_device

SHAPES = [(), (1,), (0, 3), (5,), (3, 4, 7), (129, 65)]


def random(shape: tuple[int, ...], dtype: str, seed: int = 0) -> jax.Array:
    return (jax.random.normal(jax.random.key(seed), shape) * 100).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int32", "uint8"])
def test_devices_and_host_agree(dtype: str) -> None:
    flat = {str(shape): random(shape, dtype) for shape in SHAPES}
    assert Fingerprints(flat).noted() == noted_on_host({name: np.asarray(array) for name, array in flat.items()})


def test_arrays_larger_than_a_part_agree() -> None:
    flat = {"large": jnp.arange(ELEMENTS_AT_ONCE + 3, dtype=jnp.int32)}
    assert Fingerprints(flat).noted() == noted_on_host({"large": np.asarray(flat["large"])})


def test_where_an_array_lies_changes_nothing() -> None:
    array = random((8, 6), "float32")
    placed = jax.device_put(array, NamedSharding(one_device(), PartitionSpec("fsdp", "tensor")))
    assert Fingerprints({"w": array}).noted() == Fingerprints({"w": placed}).noted()


@pytest.mark.parametrize("seed", range(5))
def test_one_bit_of_one_element_and_two_that_changed_places_are_found(seed: int) -> None:
    whole = np.asarray(random((16, 9), "float32", seed))
    noted = noted_on_host({"w": whole})
    draw = np.random.default_rng(seed)
    flipped = whole.copy()
    flipped.view(np.uint32)[draw.integers(16), draw.integers(9)] ^= np.uint32(1 << int(draw.integers(32)))
    swapped = whole.copy()
    swapped[[3, 7]] = swapped[[7, 3]]
    for other in (flipped, swapped):
        assert Fingerprints({"w": jnp.asarray(other)}).differing(noted) == ["w"]
    assert Fingerprints({"w": jnp.asarray(whole)}).differing(noted) == []


def test_another_type_is_not_compared() -> None:
    noted = noted_on_host({"w": np.ones(4, np.float32)})
    assert Fingerprints({"w": jnp.zeros(4, jnp.bfloat16)}).differing(noted) == []
