"""Settings of jax and flax that are not those of a run, of each kind: of numbers, of programs, of checks that raise."""

from __future__ import annotations

from typing import Any

OTHERS: dict[str, Any] = {
    "jax_enable_x64": True,
    "jax_default_prng_impl": "rbg",
    "jax_threefry_partitionable": False,
    "jax_random_seed_offset": 7,
    "jax_default_matmul_precision": "bfloat16",
    "jax_numpy_dtype_promotion": "strict",
    "jax_numpy_rank_promotion": "raise",
    "jax_disable_jit": True,
    "jax_debug_nans": True,
    "jax_transfer_guard": "disallow",
    "jax_legacy_prng_key": "error",
    "jax_use_direct_linearize": False,
    "jax_optimization_level": "O1",
}
# The same, as variables of the environment.
VARIABLES = {
    **{name.upper(): str(int(it) if isinstance(it, bool) else it) for name, it in OTHERS.items()},
    "FLAX_FIX_RNG_SEPARATOR": "1",
    "FLAX_RETURN_FROZENDICT": "1",
}
