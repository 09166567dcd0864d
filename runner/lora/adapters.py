"""Adapters: which parameters get them, how they are created, merged and counted.

The forward pass never merges: it adds (x @ A) @ B (`runner.models`). Merging is for export and tests.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax.typing import Dtype

from schema.families import is_matrix, matches

Scaling = Literal["standard", "rslora"]


def param_filter(params: Any, target_modules: Sequence[str]) -> Any:
    """Return a tree of booleans, true where the leaf's path, as in blocks/attn/q_proj/kernel, contains a target."""
    return jax.tree_util.tree_map_with_path(lambda path, _: matches(written_path(path), target_modules), params)


def inject_lora_params(params: Any, mask: Any, rank: int, key: jax.Array) -> tuple[Any, Any]:
    """Create (lora_A, lora_B) for the masked matrices of `params`; both are float32.

    A kernel (…, in, out) gets A (…, in, r) from a normal distribution of standard deviation 1 / r (as PEFT's
    `init_lora_weights: gaussian`) and B (…, r, out) of zeros. Every other leaf is None: no optimizer state is spent
    on it. Norms and biases are None whatever the mask says. Only shapes of `params` are read; they may be abstract.
    """

    def create_a(path: Any, leaf: Any, masked: bool) -> jax.Array | None:
        if not masked or not _is_matrix(path, leaf):
            return None
        # A key of its path: another target more or less leaves the other adapters as they are. CRC-32 is the same in
        # every process, where Python's hash of a string is not.
        own_key = jax.random.fold_in(key, zlib.crc32(written_path(path).encode()))
        return jax.random.normal(own_key, (*leaf.shape[:-1], rank), jnp.float32) / rank

    def create_b(path: Any, leaf: Any, masked: bool) -> jax.Array | None:
        if not masked or not _is_matrix(path, leaf):
            return None
        # A @ B is zero at first, so that phase lora begins as the function that phase full ended as. The gradient of B
        # is not zero, since A is not; both at zero would never move.
        return jnp.zeros((*leaf.shape[:-2], rank, leaf.shape[-1]), jnp.float32)

    map_with_path = jax.tree_util.tree_map_with_path
    return map_with_path(create_a, params, mask), map_with_path(create_b, params, mask)


def merge_lora_params(
    base_params: Any,
    lora_A: Any,  # noqa: N803
    lora_B: Any,  # noqa: N803
    alpha: float,
    rank: int,
    scaling: Scaling = "standard",
) -> Any:
    """Return W + scale · A @ B for every matrix with an adapter, computed in float32 and cast to W's type last.

    The scale is alpha / rank unless `scaling` says otherwise; leaves without adapter are returned as they are.
    """
    scale = lora_scale(alpha, rank, scaling)

    def merge(w: jax.Array, a: jax.Array | None, b: jax.Array | None) -> jax.Array:
        if a is None or b is None:
            return w
        wide = jnp.promote_types(w.dtype, jnp.float32)
        # (…, in, r) @ (…, r, out) → (…, in, out), a stack layer by layer. HIGHEST: accelerators would multiply float32
        # in fewer bits by default.
        delta = jnp.matmul(a.astype(wide), b.astype(wide), precision=jax.lax.Precision.HIGHEST)
        return (w.astype(wide) + scale * delta).astype(w.dtype)

    return jax.tree.map(merge, base_params, lora_A, lora_B)


def count_lora_params(lora_A: Any, lora_B: Any) -> int:  # noqa: N803
    """Count the scalars of all adapters."""
    return sum(leaf.size for leaf in jax.tree.leaves((lora_A, lora_B)))


def idle_adapters(lora_B: Any) -> list[str]:  # noqa: N803
    """Return the paths of the adapters whose B is all zero and so has no effect; layers of a stack by number."""
    idle = []
    for path, leaf in jax.tree.leaves_with_path(lora_B):
        # (r, out) → (), or a stack (l, r, out) → (l,): reduced on the devices, so that booleans alone are copied.
        silent = jax.device_get(jnp.all(leaf == 0, axis=(-2, -1)))
        layers = [number for number, each in enumerate(silent.reshape(-1).tolist()) if each]
        if layers:
            name = written_path(path)
            idle.append(name if len(layers) == silent.size else f"{name} of layers {', '.join(map(str, layers))}")
    return idle


def lora_scale(alpha: float, rank: int, scaling: Scaling = "standard") -> float:
    """Return the factor of A @ B: alpha / r (Hu et al. 2021), or alpha / √r for rslora (Kalajdzievski 2023)."""
    return alpha / (rank if scaling == "standard" else rank**0.5)


def freeze_base(params: Any, activation_dtype: Dtype) -> Any:
    """Cast matrices to the activation type and keep norms and biases.

    The forward pass of phase full casts them before each product, so that the model stays the same function.
    """
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf.astype(activation_dtype) if _is_matrix(path, leaf) else leaf, params
    )


def _is_matrix(path: Any, leaf: Any) -> bool:
    """Whether a leaf is a matrix (in, out) or a stack of them (l, in, out), not a stack of norms or biases (l, d)."""
    return leaf.ndim >= 2 and is_matrix(written_path(path))


def written_path(path: Any) -> str:
    """Write a path of a tree as blocks/attn/q_proj/kernel."""
    return jax.tree_util.keystr(path, simple=True, separator="/")
