"""Matrix products and embeddings, the only places where adapters act.

A product with an adapter is x @ W + (scale · (x @ A)) @ B: the merged weight and its gradient are never
formed. Adapters are found in the variable collections `lora_A` and `lora_B` under the kernel's own path.
"""

from __future__ import annotations

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.typing import Dtype
from jax.ad_checkpoint import checkpoint_name
from jax.custom_derivatives import CustomVJPPrimal

from runner.models._placement import gather_features
from schema.families import LOW_RANK

Adapter = tuple[jax.Array, jax.Array]


@dataclass(frozen=True, slots=True)
class LoRAScale:
    """What the forward pass reads of `optimization/lora`: the factor of A @ B, and the dropout rate."""

    scale: float
    dropout: float = 0.0


def project(x: jax.Array, kernel: jax.Array, adapter: Adapter | None, low_rank_x: jax.Array, scale: float) -> jax.Array:
    """Multiply x (b·t, in) by a kernel (in, out) and add the low-rank term of its adapter, in the type of x.

    `low_rank_x` is the adapter's input: x, or x after the adapter's dropout (Hu et al. 2021, LoRA).
    """
    y = x @ kernel.astype(x.dtype)  # weights are stored in their own type, products run in that of the activations
    if adapter is None:
        return y
    a, b = adapter
    # (b·t, in) @ (in, r) → (b·t, r), scaled where the array is smallest, @ (r, out) → (b·t, out): with r far below in
    # and out this costs little, and neither A @ B (in, out) nor a gradient of its shape is formed.
    return y + checkpoint_name(_low_rank(low_rank_x, a) * scale, LOW_RANK) @ b.astype(x.dtype)


def project_wide(
    x: jax.Array, kernel: jax.Array, adapter: Adapter | None, low_rank_x: jax.Array, scale: float
) -> jax.Array:
    """Do what `project` does, with a result (b·t, out) of at least float32: logits must not be rounded to 16 bits."""
    y = _wide_product(x, kernel.astype(x.dtype))
    if adapter is None:
        return y
    a, b = adapter
    return y + _wide_product(_low_rank(low_rank_x, a) * scale, b.astype(x.dtype))


@jax.custom_vjp
def _low_rank(x: jax.Array, a: jax.Array) -> jax.Array:
    """x (b·t, in) @ a (in, r) in the type of x; the gradient of `a` is formed lying down, (r, in)."""
    return x @ a.astype(x.dtype)


def _low_rank_forward(x: jax.Array, a: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _low_rank(x, a), (x, a)


def _low_rank_backward(kept: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, a = kept
    # (r, b·t) @ (b·t, in): XLA's CPU code takes 3 to 20 times as long for (in, b·t) @ (b·t, r), which it makes of the
    # transposed product unless a barrier stands between. Where either is as fast, the barrier moves (r, in) alone.
    wide = jnp.promote_types(x.dtype, jnp.float32)
    lying = jax.lax.dot_general(gradient, x, (((0,), (0,)), ((), ())), preferred_element_type=wide)
    return gradient @ a.astype(x.dtype).T, jax.lax.optimization_barrier(lying).T.astype(a.dtype)


_low_rank.defvjp(_low_rank_forward, _low_rank_backward)


@jax.custom_vjp
def _wide_product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """x @ kernel, accumulated and returned in float32 (float64 stays); products of its gradient keep 16 bits."""
    return jnp.matmul(x, kernel, preferred_element_type=jnp.promote_types(x.dtype, jnp.float32))


def _wide_product_forward(
    x: CustomVJPPrimal, kernel: CustomVJPPrimal
) -> tuple[jax.Array, tuple[jax.Array | None, jax.Array | None]]:
    # x is kept for the kernel's gradient, the kernel for that of x: a frozen kernel keeps no activations.
    kept = (x.value if kernel.perturbed else None, kernel.value if x.perturbed else None)
    return _wide_product(x.value, kernel.value), kept


def _wide_product_backward(
    kept: tuple[jax.Array | None, jax.Array | None], gradient: jax.Array
) -> tuple[jax.Array | None, jax.Array | None]:
    """Return the gradients of x (b·t, in) and kernel (in, out), None for what is not differentiated."""
    x, kernel = kept

    def narrow(like: jax.Array) -> jax.Array:
        return gradient.astype(like.dtype)  # else the two largest products of a step would run in float32

    return (
        None if kernel is None else narrow(kernel) @ kernel.T,  # (b·t, out) @ (out, in)
        None if x is None else x.T @ narrow(x),  # (in, b·t) @ (b·t, out)
    )


_wide_product.defvjp(_wide_product_forward, _wide_product_backward, symbolic_zeros=True)


class Projection(nn.Module):
    """A kernel (in, features), an optional bias (features,), and the adapter where one is given.

    `wide` returns float32: the output head.
    """

    features: int
    axes: tuple[str, str]  # logical axes of the kernel
    bias: bool
    std: float  # of the kernel's initial values
    param_dtype: Dtype
    lora: LoRAScale
    wide: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, deterministic: bool) -> jax.Array:
        """Map (b·t, in) to (b·t, features)."""
        kernel = self.param("kernel", normal(self.std, self.axes), (x.shape[-1], self.features), self.param_dtype)
        adapter = adapter_of(self, "kernel")
        low_rank_x = x if adapter is None else nn.Dropout(self.lora.dropout)(x, deterministic=deterministic)
        y = (project_wide if self.wide else project)(x, kernel, adapter, low_rank_x, self.lora.scale)
        if self.bias:
            zeros = nn.with_logical_partitioning(nn.initializers.zeros_init(), self.axes[1:])
            y = y + self.param("bias", zeros, (self.features,), self.param_dtype).astype(y.dtype)
        assert self.name  # q_proj, up_proj, …: what `architecture/remat` may keep
        return checkpoint_name(y, self.name)


class Embedding(nn.Module):
    """A table (rows, features) to look up; tied, also the output head."""

    rows: int
    features: int
    axes: tuple[str, str]
    std: float
    param_dtype: Dtype
    dtype: Dtype
    lora: LoRAScale

    def setup(self) -> None:
        """Declare the table."""
        init = normal(self.std, self.axes)
        self.embedding = self.param("embedding", init, (self.rows, self.features), self.param_dtype)
        self.lora_dropout = nn.Dropout(self.lora.dropout)

    def __call__(self, ids: jax.Array) -> jax.Array:
        """Look up ids (n,) as (n, features), also in the adapter's A; ids are discrete and have no adapter dropout."""
        found = gather_features(self.embedding)[ids].astype(self.dtype)
        adapter = adapter_of(self, "embedding")
        if adapter is None:
            return found
        a, b = adapter
        # A row of table + scale · A @ B is that of the table plus a row of A times B: (n, r) @ (r, features).
        return found + (a[ids].astype(self.dtype) * self.lora.scale) @ b.astype(self.dtype)

    def attend(self, x: jax.Array, deterministic: bool) -> jax.Array:
        """Multiply x (b·t, features) by the transposed table: logits (b·t, rows) in float32."""
        adapter = adapter_of(self, "embedding")
        if adapter is None:
            return project_wide(x, self.embedding.T, None, x, self.lora.scale)
        a, b = adapter
        low_rank_x = self.lora_dropout(x, deterministic=deterministic)
        # As a kernel the table is (features, rows) = (d, v). (A @ B)ᵀ = Bᵀ @ Aᵀ, so the adapter is (d, r) and (r, v).
        return project_wide(x, self.embedding.T, (b.T, a.T), low_rank_x, self.lora.scale)


def adapter_of(module: nn.Module, name: str) -> Adapter | None:
    """Return (A, B) of a parameter of this module, None where it has no adapter."""
    a, b = module.get_variable("lora_A", name), module.get_variable("lora_B", name)
    return None if a is None else (a, b)


def normal(std: float, axes: tuple[str, ...]) -> nn.initializers.Initializer:
    """Initialise from normal(0, std) and note the logical axes."""
    return nn.with_logical_partitioning(nn.initializers.normal(std), axes)
