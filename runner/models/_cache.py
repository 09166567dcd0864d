"""The key-value cache: what attention keeps of the tokens before, so that a further token costs one position."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from schema.families import Options


class Cache(NamedTuple):
    """Keys and values (l, b, k, s, head) of the first `filled` (l,) of s positions, in the activation type.

    Every array has the layers in front, so that the scan over them hands each its part: (b, k, s, head) and ().
    `filled` is the same number for all layers, and for all rows. What lies behind it is never attended to.
    """

    keys: jax.Array
    values: jax.Array
    filled: jax.Array

    def write(self, keys: jax.Array, values: jax.Array, filled: jax.Array) -> Cache:
        """Put keys and values (…, k, t, head) behind position `filled` (); whoever calls leaves room for them."""
        place = jax.lax.dynamic_update_slice_in_dim
        axis = self.keys.ndim - 2
        tokens = keys.shape[axis]
        return Cache(
            place(self.keys, keys, filled, axis), place(self.values, values, filled, axis), self.filled + tokens
        )


def empty_cache(options: Options, rows: int, positions: int) -> Cache:
    """Return the cache (l, b, k, s, head) of a decoder that has seen nothing, with room for `positions` tokens."""
    shape = (options.n_layers, rows, options.n_kv_head, positions, options.head_dim)
    keys, values = (jnp.zeros(shape, options.activation_dtype) for _ in range(2))
    return Cache(keys, values, jnp.zeros(options.n_layers, jnp.int32))


def attend_cached(q: jax.Array, k: jax.Array, v: jax.Array, cache: Cache) -> tuple[jax.Array, Cache]:
    """Attend from q (b, t, h, head) to the cache of a layer and to k, v (b, t, k, head), which follow it.

    Returns (b, t, h, head) and the new keys and values (b, k, t, head) alone: the stack of all layers takes them in at
    once, in its own memory.
    """
    keys, values = (jnp.swapaxes(x, 1, 2) for x in (k, v))  # (b, t, k, head) → (b, k, t, head)
    known = cache.write(keys, values, cache.filled)
    places = cache.filled + jnp.arange(q.shape[1])  # (t,)
    # A query at position p sees the keys at 0 … p: (t, s) for all rows and heads.
    seen = jnp.arange(known.keys.shape[2]) <= places[:, None]
    k, v = (jnp.swapaxes(x, 1, 2) for x in (known.keys, known.values))  # (b, s, k, head)
    y = jax.nn.dot_product_attention(q, k, v, mask=seen[None, None], implementation="xla")
    return y, Cache(keys, values, known.filled)
