"""The decoder: embeddings, a scan over blocks, a final norm and a head; its parts are those of its options.

Activations are (b·t, d) between the parts, so that every product is one plain matrix product. Parameter
paths, shapes and logical axes are those of `schema.families`.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from runner.models._attention import Attention, Implementation
from runner.models._cache import Cache
from runner.models._feed_forward import FeedForward
from runner.models._norm import Norm
from runner.models._placement import spread_rows
from runner.models._projection import Embedding, LoRAScale, Projection
from runner.models._rotary import rotary_table
from schema.families import Options, kept_names, options_of, parameters
from schema.sections.architecture import Architecture


def build_model(
    architecture: Architecture, lora: LoRAScale, attention_implementation: Implementation = "xla"
) -> Decoder:
    """Build the decoder of both phases: adapters act where `lora_A` and `lora_B` are among its variables."""
    return Decoder(options_of(architecture), lora, attention_implementation, kept_names(parameters(architecture)))


class Decoder(nn.Module):
    """A causal language model; `hidden` and `head` apart let a loss take the head chunk by chunk."""

    options: Options
    lora: LoRAScale
    attention_implementation: Implementation
    kept_names: tuple[str, ...]  # what a block keeps for its backward pass with `architecture/remat: names`

    def setup(self) -> None:
        """Declare the parts; blocks are stacked along a leading axis named layers."""
        o = self.options
        sizes = (0.02, o.param_dtype, o.activation_dtype, self.lora)
        self.wte = Embedding(o.vocab_size, o.n_embd, ("vocab", "embed"), *sizes)
        if o.rope is None:
            self.wpe = Embedding(o.block_size, o.n_embd, ("positions", "embed"), *sizes)
        # One program of one block for all layers, so that compilation does not grow with depth. A kernel (in, out)
        # of the block is (l, in, out) in the tree, its adapter (l, in, r) and (l, r, out).
        self.blocks = nn.scan(
            _recomputing(Block, o.remat, self.kept_names),
            variable_axes={"params": 0, "lora_A": 0, "lora_B": 0},
            split_rngs={"params": True, "dropout": True},  # layers draw different weights and dropout masks
            # rotary, segments, length and deterministic are the same for every layer; each has its part of the cache
            in_axes=(*(nn.broadcast,) * 4, 0),
            length=o.n_layers,
            metadata_params={nn.PARTITION_NAME: "layers"},
        )(o, self.lora, self.attention_implementation)
        self.final_norm = Norm(o)
        self.dropout = nn.Dropout(o.dropout)
        if not o.tie_embeddings:
            axes = ("embed", "vocab")
            self.lm_head = Projection(o.vocab_size, axes, False, 0.02, o.param_dtype, self.lora, wide=True)

    def __call__(
        self, tokens: jax.Array, positions: jax.Array | None = None, segments: jax.Array | None = None
    ) -> jax.Array:
        """Map tokens (b, t) to logits (b, t, v) in float32, without dropout."""
        return self.head(self.hidden(tokens, positions, segments))

    def hidden(
        self,
        tokens: jax.Array,
        positions: jax.Array | None = None,
        segments: jax.Array | None = None,
        deterministic: bool = True,
    ) -> jax.Array:
        """Map tokens (b, t) to the final norm's output (b, t, d) in the activation type.

        `positions` (b, t) are those of the tokens in their segments; None is 0 … t - 1 in every row. `segments` (b, t)
        number the segments of a row; a token attends to its own segment. None makes each row one segment.
        Unless `deterministic`, dropout draws from the random stream `dropout`.
        """
        rows, length = tokens.shape
        x, rotary = self._embed(tokens, positions)
        x = spread_rows(self.dropout(x, deterministic=deterministic))
        x, _ = self.blocks(x, rotary, segments, length, deterministic, None)
        return self.final_norm(x).reshape(rows, length, -1)

    def extend(self, tokens: jax.Array, cache: Cache) -> tuple[jax.Array, Cache]:
        """Map tokens (b, t) that follow those of a cache to the final norm's output (b, t, d), and to the longer cache.

        There is no dropout. The cache must have room for t more positions.
        """
        rows, length = tokens.shape
        filled = cache.filled[0]
        places = jnp.broadcast_to(filled + jnp.arange(length), (rows, length))
        x, rotary = self._embed(tokens, places)
        x, new = self.blocks(x, rotary, None, length, True, cache)
        return self.final_norm(x).reshape(rows, length, -1), cache.write(new.keys, new.values, filled)

    def _embed(self, tokens: jax.Array, positions: jax.Array | None) -> tuple[jax.Array, jax.Array | None]:
        """Look up tokens (b, t) as (b·t, d), with learned positions added; return the table of rotary ones beside."""
        o = self.options
        rows, length = tokens.shape
        x = self.wte(tokens.reshape(-1))  # (b·t, d)
        rotary = None
        if o.rope is not None:
            # bfloat16 holds whole numbers up to 256: farther positions would share their angles.
            wide = jnp.promote_types(o.activation_dtype, jnp.float32)
            places = jnp.arange(length, dtype=wide) if positions is None else positions
            rotary = rotary_table(places, o.head_dim, o.rope, wide)
        elif positions is None:
            x = x + jnp.tile(self.wpe(jnp.arange(length)), (rows, 1))  # (t, d), looked up once → (b·t, d)
        else:
            x = x + self.wpe(positions.reshape(-1))  # (b·t, d)
        return x, rotary

    def head(self, hidden: jax.Array, deterministic: bool = True) -> jax.Array:
        """Map the final norm's output (b, t, d) of any positions to their logits (b, t, v) in float32."""
        rows, positions, width = hidden.shape
        x = hidden.reshape(-1, width)
        # Tied, the logits are products with the embedding of each token: (b·t, d) @ (v, d)ᵀ → (b·t, v).
        head = self.wte.attend if self.options.tie_embeddings else self.lm_head
        return head(x, deterministic).reshape(rows, positions, -1)


class Block(nn.Module):
    """One pre-norm transformer block, the body of the scan over layers."""

    options: Options
    lora: LoRAScale
    attention_implementation: Implementation

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        rotary: jax.Array | None,
        segments: jax.Array | None,
        length: int,
        deterministic: bool,
        cache: Cache | None,
    ) -> tuple[jax.Array, Cache | None]:
        """Map (b·t, d) to (b·t, d): x plus attention, plus feed-forward; all else is that of `Attention`."""
        o = self.options
        dropout = nn.Dropout(o.dropout)
        attention = Attention(o, self.lora, self.attention_implementation, name="attn")
        feed_forward = FeedForward(o, self.lora, name="mlp")
        # Norms stand before the branches: the sum x itself, the residual stream, passes all layers unchanged.
        y, kept = attention(Norm(o, name="attn_norm")(x), cache, rotary, segments, length, deterministic)
        x = x + dropout(y, deterministic=deterministic)
        y = feed_forward(Norm(o, name="mlp_norm")(x), deterministic)
        return spread_rows(x + dropout(y, deterministic=deterministic)), kept  # carry; what is stacked by layer


def _recomputing(block: type[Block], remat: str, kept: tuple[str, ...]) -> Any:
    """Let a block keep what `architecture/remat` says for its backward pass, which computes the rest again.

    Its input is kept always. `names` keeps the outputs of projections and of attention too. What is computed again are
    norms, activation functions, rotations and scores: on a CPU that costs less than to move what they make. GELU
    alone would keep six arrays (b·t, f) where one, its input, is enough.
    """
    if remat == "none":
        return block
    policy = jax.checkpoint_policies.save_only_these_names(*(kept if remat == "names" else ()))
    # The scan makes forward and backward pass separate loops, so that the compiler can't merge the two computations of
    # a block. Static are length and deterministic, Python values: arguments 4 and 5, counted from self.
    return nn.remat(block, prevent_cse=False, static_argnums=(4, 5), policy=policy)
