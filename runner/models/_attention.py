"""Causal self-attention with rotary positions and grouped queries.

Activations are (b, t, h, head) only in this file; everything around it is (b·t, d).
"""

from __future__ import annotations

from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from runner.models._projection import LoRAScale, Projection
from schema.families import ATTENTION, kv_heads, load_family
from schema.sections.architecture import Architecture

Implementation = Literal["xla", "cudnn"]


class Attention(nn.Module):
    """Four projections around `jax.nn.dot_product_attention`."""

    architecture: Architecture
    lora: LoRAScale
    implementation: Implementation

    @nn.compact
    def __call__(
        self, x: jax.Array, rotary: jax.Array | None, segments: jax.Array | None, length: int, deterministic: bool
    ) -> jax.Array:
        """Map (b·t, d) to (b·t, d); `length` is t, `rotary` the table of `rotary_table` or None.

        With `segments` (b, t) a token attends only to itself and earlier tokens of its segment.
        """
        a = self.architecture
        head, grouped = load_family(a.family).head_dim(a), kv_heads(a)

        def project(name: str, heads: int, axis: str) -> jax.Array:
            y = Projection(heads * head, ("embed", axis), a.bias, 0.02, a.dtype.param, self.lora, name=name)(
                x, deterministic
            )
            return y.reshape(-1, length, heads, head)  # (b·t, heads · head) → (b, t, heads, head)

        # Queries (b, t, h, head); keys and values (b, t, k, head): each of the k heads serves h / k query heads.
        q = project("q_proj", a.n_head, "heads")
        k = project("k_proj", grouped, "kv_heads")
        v = project("v_proj", grouped, "kv_heads")
        if rotary is not None:
            # Rotated, q·k depends on the two positions by their distance alone; values carry no position.
            q, k = rotate(q, rotary), rotate(k, rotary)
        # softmax(q kᵀ / √head) v over the keys at or before each query; the softmax is at least float32.
        if segments is None:
            y = jax.nn.dot_product_attention(q, k, v, is_causal=True, implementation=self.implementation)
        else:
            # cuDNN's kernel would take this mask as a dense bias (b, 1, t, t); XLA's masks the scores as they are.
            same_segment = segments[:, None, :, None] == segments[:, None, None, :]  # (b, 1, t, t): query, key
            y = jax.nn.dot_product_attention(q, k, v, mask=same_segment, is_causal=True, implementation="xla")
        y = checkpoint_name(y.reshape(-1, a.n_head * head), ATTENTION)  # (b·t, h · head), heads side by side again
        std = 0.02 / (2 * a.n_layers) ** 0.5  # two branches a block add to the residual stream: GPT-2, section 2.3
        return Projection(a.n_embd, ("heads", "embed"), a.bias, std, a.dtype.param, self.lora, name="o_proj")(
            y, deterministic
        )


def rotary_table(positions: jax.Array, head: int, theta: float, dtype: jnp.dtype) -> jax.Array:
    """Return cosines and sines (2, …, t, head / 2) of position · theta^(−2i / head) (Su et al. 2021, RoFormer).

    `positions` are (t,), the same for all rows, or (b, t).
    """
    frequencies = theta ** (-jnp.arange(0, head, 2, dtype=dtype) / head)  # (head / 2,), radians a position
    angles = positions.astype(dtype)[..., None] * frequencies  # (…, t, 1) · (head / 2,) → (…, t, head / 2)
    return jnp.stack([jnp.cos(angles), jnp.sin(angles)])


def rotate(x: jax.Array, table: jax.Array) -> jax.Array:
    """Rotate each pair (i, i + head / 2) of x (b, t, h, head) by its position's angle (the pairs of Llama)."""
    cosines, sines = table[..., None, :]  # (t, 1, head / 2) or (b, t, 1, head / 2): the same for every head
    first, second = jnp.split(x.astype(table.dtype), 2, axis=-1)  # each (b, t, h, head / 2)
    # (first + i·second) · e^(i·angle), its real parts beside its imaginary parts; lengths stay as they are.
    rotated = jnp.concatenate([first * cosines - second * sines, second * cosines + first * sines], axis=-1)
    return rotated.astype(x.dtype)
