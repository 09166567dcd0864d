"""The decoder: embeddings, a scan over blocks, a final norm and a head; a family picks norm and feed-forward.

Activations are (b·t, d) between the parts, so that every product is a plain matrix product. Parameter
paths, shapes and logical axes are those of `schema.families`.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import flax.linen as nn
import jax
import jax.numpy as jnp

from runner.models._attention import Attention, Implementation, rotary_table
from runner.models._placement import spread_rows
from runner.models._projection import Embedding, LoRAScale, Projection
from schema.families import load_family
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
        block = nn.remat(Block, prevent_cse=False, static_argnums=(4, 5)) if a.remat else Block
        self.blocks = nn.scan(
            block,
            variable_axes={"params": 0, "lora_A": 0, "lora_B": 0},
            split_rngs={"params": True, "dropout": True},
            in_axes=nn.broadcast,
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

        `positions` (b, t) say where a token stands, 0 … t - 1 without; `segments` (b, t) which tokens it may see: those
        before it with its own number, all before it without. Without `deterministic` a random key `dropout` is needed
        where a dropout rate is set.
        """
        a = self.architecture
        rows, length = tokens.shape
        x = self.wte(tokens.reshape(-1))
        rotary = None
        if a.rope:
            wide = jnp.promote_types(a.dtype.activation, jnp.float32)
            places = jnp.arange(length, dtype=wide) if positions is None else positions
            rotary = rotary_table(places, load_family(a.family).head_dim(a), a.rope_theta, wide)
        elif positions is None:
            x = x + jnp.tile(self.wpe(jnp.arange(length)), (rows, 1))
        else:
            x = x + self.wpe(positions.reshape(-1))
        x = spread_rows(self.dropout(x, deterministic=deterministic))
        x, _ = self.blocks(x, rotary, segments, length, deterministic)
        return self.final_norm(x).reshape(rows, length, a.n_embd)

    def head(self, hidden: jax.Array, deterministic: bool = True) -> jax.Array:
        """Map some positions' final-norm output (b, t, d) to their logits (b, t, v) in float32."""
        rows, positions, width = hidden.shape
        x = hidden.reshape(-1, width)
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
        """Map (b·t, d) to (b·t, d): x plus attention, plus feed-forward; see `Attention` for the arguments."""
        a = self.architecture
        family = _modules_of(a.family)
        dropout = nn.Dropout(a.dropout)
        attention = Attention(a, self.lora, self.attention_implementation, name="attn")
        feed_forward = family.FeedForward(a, self.lora, name="mlp")
        y = attention(family.Norm(a, name="attn_norm")(x), rotary, segments, length, deterministic)
        x = x + dropout(y, deterministic=deterministic)
        y = feed_forward(family.Norm(a, name="mlp_norm")(x), deterministic)
        return spread_rows(x + dropout(y, deterministic=deterministic)), None


def _modules_of(family: str) -> ModuleType:
    """Load the modules of a family: its `Norm(architecture)` and `FeedForward(architecture, lora)`."""
    return import_module(f"runner.models.{family}")
