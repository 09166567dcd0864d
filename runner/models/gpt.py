"""Family gpt: LayerNorm and a GELU feed-forward block (Radford et al. 2019, GPT-2)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from runner.models._projection import LoRAScale, Projection
from schema.families.gpt import EPSILON, intermediate_size
from schema.sections.architecture import Architecture


class Norm(nn.Module):
    """LayerNorm over features, computed in at least float32."""

    architecture: Architecture

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map (…, d) to (…, d) of the same type."""
        a, width = self.architecture, x.shape[-1:]
        ones = nn.with_logical_partitioning(nn.initializers.ones_init(), ("norm",))
        zeros = nn.with_logical_partitioning(nn.initializers.zeros_init(), ("norm",))
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # 8 bits of mantissa don't hold a sum over d
        # (x − mean) / √(variance + ε) · scale + bias over d (Ba et al. 2016). The variance is that of the centred
        # values: mean(x²) − mean(x)² would lose digits where the mean is large.
        centred = wide - wide.mean(axis=-1, keepdims=True)
        variance = jnp.square(centred).mean(axis=-1, keepdims=True)  # (…, 1)
        y = centred * jax.lax.rsqrt(variance + EPSILON)
        y = y * self.param("scale", ones, width, a.dtype.param).astype(y.dtype)
        if a.bias:
            y = y + self.param("bias", zeros, width, a.dtype.param).astype(y.dtype)
        return y.astype(x.dtype)


class FeedForward(nn.Module):
    """down_proj(gelu(up_proj(x))), GELU in its tanh form as in GPT-2."""

    architecture: Architecture
    lora: LoRAScale

    @nn.compact
    def __call__(self, x: jax.Array, deterministic: bool) -> jax.Array:
        """Map (b·t, d) to (b·t, d)."""
        a = self.architecture
        width, std = intermediate_size(a), 0.02 / (2 * a.n_layers) ** 0.5
        up = Projection(width, ("embed", "mlp"), a.bias, 0.02, a.dtype.param, self.lora, name="up_proj")
        down = Projection(a.n_embd, ("mlp", "embed"), a.bias, std, a.dtype.param, self.lora, name="down_proj")
        # (b·t, d) → (b·t, f) → (b·t, d); down starts smaller, since every layer adds its output to the residual stream
        return down(jax.nn.gelu(up(x, deterministic), approximate=True), deterministic)
