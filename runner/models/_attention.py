"""Causal self-attention with rotary positions, grouped queries and, where they are asked for, normalised heads.

Activations are (b, t, h, head) only in this file; everything around it is (b·t, d).
"""

from __future__ import annotations

from typing import Literal

import flax.linen as nn
import jax
from jax.ad_checkpoint import checkpoint_name

from runner.models._cache import Cache, attend_cached
from runner.models._norm import Norm
from runner.models._projection import LoRAScale, Projection
from runner.models._rotary import rotate
from schema.families import ATTENTION, Options

Implementation = Literal["xla", "cudnn"]


class Attention(nn.Module):
    """Four projections around `jax.nn.dot_product_attention`."""

    options: Options
    lora: LoRAScale
    implementation: Implementation

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        cache: Cache | None,
        rotary: jax.Array | None,
        segments: jax.Array | None,
        length: int,
        deterministic: bool,
    ) -> tuple[jax.Array, Cache | None]:
        """Map (b·t, d) to (b·t, d); `length` is t, `rotary` the table of `_rotary.rotary_table` or None.

        With `segments` (b, t) a token attends only to itself and earlier tokens of its segment. With the `cache` of
        this layer it attends to the tokens before too, and the new keys and values are returned beside, as
        `attend_cached` does.
        """
        o = self.options
        head, grouped = o.head_dim, o.n_kv_head

        def project(name: str, heads: int, axis: str) -> jax.Array:
            y = Projection(heads * head, ("embed", axis), o.attention_bias, 0.02, o.param_dtype, self.lora, name=name)(
                x, deterministic
            )
            return y.reshape(-1, length, heads, head)  # (b·t, heads · head) → (b, t, heads, head)

        # Queries (b, t, h, head); keys and values (b, t, k, head): each of the k heads serves h / k query heads.
        q = project("q_proj", o.n_head, "heads")
        k = project("k_proj", grouped, "kv_heads")
        v = project("v_proj", grouped, "kv_heads")
        if o.qk_norm:  # each head is normalised over its own features, before positions turn them
            q, k = Norm(o, name="q_norm")(q), Norm(o, name="k_norm")(k)
        if rotary is not None:
            # Rotated, q·k depends on the two positions by their distance alone; values carry no position.
            q, k = rotate(q, rotary), rotate(k, rotary)
        # softmax(q kᵀ / √head) v over the keys at or before each query; the softmax is at least float32.
        kept = None
        if cache is not None:
            y, kept = attend_cached(q, k, v, cache)
        elif segments is None:
            y = jax.nn.dot_product_attention(q, k, v, is_causal=True, implementation=self.implementation)
        else:
            # XLA's kernel on every platform. `dot_product_attention` tells cuDNN's, which forms no scores, one length a
            # row (query_seq_lengths) or one window for all tokens (local_window_size), and neither ends a segment; a
            # mask would become a dense bias (b, 1, t, t), and its gradient another. XLA's masks the scores as they are.
            same_segment = segments[:, None, :, None] == segments[:, None, None, :]  # (b, 1, t, t): query, key
            y = jax.nn.dot_product_attention(q, k, v, mask=same_segment, is_causal=True, implementation="xla")
        y = checkpoint_name(y.reshape(-1, o.n_head * head), ATTENTION)  # (b·t, h · head), heads side by side again
        std = 0.02 / (2 * o.n_layers) ** 0.5  # two branches a block add to the residual stream: GPT-2, section 2.3
        out = Projection(o.n_embd, ("heads", "embed"), o.attention_bias, std, o.param_dtype, self.lora, name="o_proj")
        return out(y, deterministic), kept
