"""The decoder: embeddings, a scan over blocks, a final norm and a head; a family picks norm and feed-forward.

Activations are (b·t, d) between the parts, so that every product is one plain matrix product. Parameter
paths, shapes and logical axes are those of `schema.families`.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from runner.models._attention import Attention, Implementation, rotary_table
from runner.models._placement import spread_rows
from runner.models._projection import Embedding, LoRAScale, Projection
from schema.families import kept_names, load_family
from schema.sections.architecture import Architecture


def build_model(
    architecture: Architecture, lora: LoRAScale, attention_implementation: Implementation = "xla"
) -> Decoder:
    """Build the decoder of both phases: adapters act where `lora_A` and `lora_B` are among its variables."""
    return Decoder(architecture, lora, attention_implementation)


class Decoder(nn.Module):
    """A causal language model; `hidden` and `head` apart let a loss take the head chunk by chunk."""

    architecture: Architecture
    lora: LoRAScale
    attention_implementation: Implementation

    def setup(self) -> None:
        """Declare the parts; blocks are stacked along a leading axis named layers."""
        a, dtype = self.architecture, self.architecture.dtype
        family = _modules_of(a.family)
        sizes = (0.02, dtype.param, dtype.activation, self.lora)
        self.wte = Embedding(a.vocab_size, a.n_embd, ("vocab", "embed"), *sizes)
        if not a.rope:
            self.wpe = Embedding(a.block_size, a.n_embd, ("positions", "embed"), *sizes)
        # One program of one block for all layers, so that compilation does not grow with depth. A kernel (in, out)
        # of the block is (l, in, out) in the tree, its adapter (l, in, r) and (l, r, out).
        self.blocks = nn.scan(
            _recomputing(Block, a),
            variable_axes={"params": 0, "lora_A": 0, "lora_B": 0},
            split_rngs={"params": True, "dropout": True},  # layers draw different weights and dropout masks
            in_axes=nn.broadcast,  # rotary, segments, length, deterministic: the same for every layer
            length=a.n_layers,
            metadata_params={nn.PARTITION_NAME: "layers"},
        )(a, self.lora, self.attention_implementation)
        self.final_norm = family.Norm(a)
        self.dropout = nn.Dropout(a.dropout)
        if not a.tie_embeddings:
            self.lm_head = Projection(a.vocab_size, ("embed", "vocab"), False, 0.02, dtype.param, self.lora, wide=True)

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
        a = self.architecture
        rows, length = tokens.shape
        x = self.wte(tokens.reshape(-1))  # (b·t, d)
        rotary = None
        if a.rope:
            # bfloat16 holds whole numbers up to 256: farther positions would share their angles.
            wide = jnp.promote_types(a.dtype.activation, jnp.float32)
            places = jnp.arange(length, dtype=wide) if positions is None else positions
            rotary = rotary_table(places, load_family(a.family).head_dim(a), a.rope_theta, wide)
        elif positions is None:
            x = x + jnp.tile(self.wpe(jnp.arange(length)), (rows, 1))  # (t, d), looked up once → (b·t, d)
        else:
            x = x + self.wpe(positions.reshape(-1))  # (b·t, d)
        x = spread_rows(self.dropout(x, deterministic=deterministic))
        x, _ = self.blocks(x, rotary, segments, length, deterministic)
        return self.final_norm(x).reshape(rows, length, a.n_embd)

    def head(self, hidden: jax.Array, deterministic: bool = True) -> jax.Array:
        """Map the final norm's output (b, t, d) of any positions to their logits (b, t, v) in float32."""
        rows, positions, width = hidden.shape
        x = hidden.reshape(-1, width)
        # Tied, the logits are products with the embedding of each token: (b·t, d) @ (v, d)ᵀ → (b·t, v).
        head = self.wte.attend if self.architecture.tie_embeddings else self.lm_head
        return head(x, deterministic).reshape(rows, positions, -1)


class Block(nn.Module):
    """One pre-norm transformer block, the body of the scan over layers."""

    architecture: Architecture
    lora: LoRAScale
    attention_implementation: Implementation

    @nn.compact
    def __call__(
        self, x: jax.Array, rotary: jax.Array | None, segments: jax.Array | None, length: int, deterministic: bool
    ) -> tuple[jax.Array, None]:
        """Map (b·t, d) to (b·t, d): x plus attention, plus feed-forward; the arguments are those of `Attention`."""
        a = self.architecture
        family = _modules_of(a.family)
        dropout = nn.Dropout(a.dropout)
        attention = Attention(a, self.lora, self.attention_implementation, name="attn")
        feed_forward = family.FeedForward(a, self.lora, name="mlp")
        # Norms stand before the branches: the sum x itself, the residual stream, passes all layers unchanged.
        y = attention(family.Norm(a, name="attn_norm")(x), rotary, segments, length, deterministic)
        x = x + dropout(y, deterministic=deterministic)
        y = feed_forward(family.Norm(a, name="mlp_norm")(x), deterministic)
        return spread_rows(x + dropout(y, deterministic=deterministic)), None  # carry; nothing to stack by layer


def _recomputing(block: type[Block], architecture: Architecture) -> Any:
    """Let a block keep what `architecture/remat` says for its backward pass, which computes the rest again.

    Its input is kept always. `names` keeps the outputs of projections and of attention too. What is computed again are
    norms, activation functions, rotations and scores: on a CPU that costs less than to move what they make. GELU
    alone would keep six arrays (b·t, f) where one, its input, is enough.
    """
    if architecture.remat == "none":
        return block
    names = kept_names(architecture) if architecture.remat == "names" else ()
    policy = jax.checkpoint_policies.save_only_these_names(*names)
    # The scan makes forward and backward pass separate loops, so that the compiler can't merge the two computations of
    # a block. Static are length and deterministic, Python values: arguments 4 and 5, counted from self.
    return nn.remat(block, prevent_cse=False, static_argnums=(4, 5), policy=policy)


def _modules_of(family: str) -> ModuleType:
    """Load the modules of a family: its `Norm(architecture)` and `FeedForward(architecture, lora)`."""
    return import_module(f"runner.models.{family}")
