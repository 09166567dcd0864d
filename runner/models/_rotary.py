"""Rotary positions: tables of angles, and the rotation of queries and keys (Su et al. 2021, RoFormer)."""

from __future__ import annotations

from math import pi

import jax
import jax.numpy as jnp

from schema.families import Rope


def rotary_table(positions: jax.Array, head: int, rope: Rope, dtype: jnp.dtype) -> jax.Array:
    """Return cosines and sines (2, …, t, head / 2) of position · frequency.

    `positions` are (t,), the same for all rows, or (b, t).
    """
    angles = positions.astype(dtype)[..., None] * frequencies(head, rope, dtype)  # (…, t, 1) · (head / 2,)
    return jnp.stack([jnp.cos(angles), jnp.sin(angles)])


def frequencies(head: int, rope: Rope, dtype: jnp.dtype) -> jax.Array:
    """Return the frequencies (head / 2,) in radians a position: theta^(−2i / head), scaled as `rope` says.

    The scaling of llama3 is that of Llama 3.1's release: a frequency that turns often within the original length stays,
    one that turns seldom is divided by the factor, between them a share of each (Dubey et al. 2024).
    """
    plain = rope.theta ** (-jnp.arange(0, head, 2, dtype=dtype) / head)
    if rope.rope_type == "default":
        return plain
    if rope.rope_type == "linear":
        return plain / rope.factor
    turns = rope.original_max_position_embeddings * plain / (2 * pi)  # within the original length
    low, high = rope.low_freq_factor, rope.high_freq_factor
    stays = jnp.clip((turns - low) / (high - low), 0, 1)  # 0 where it is divided, 1 where it stays
    return (1 - stays) * plain / rope.factor + stays * plain


def rotate(x: jax.Array, table: jax.Array) -> jax.Array:
    """Rotate each pair (i, i + head / 2) of x (b, t, h, head) by its position's angle (the pairs of Llama)."""
    cosines, sines = table[..., None, :]  # (t, 1, head / 2) or (b, t, 1, head / 2): the same for every head
    first, second = jnp.split(x.astype(table.dtype), 2, axis=-1)  # each (b, t, h, head / 2)
    # (first + i·second) · e^(i·angle), its real parts beside its imaginary parts; lengths stay as they are.
    rotated = jnp.concatenate([first * cosines - second * sines, second * cosines + first * sines], axis=-1)
    return rotated.astype(x.dtype)
