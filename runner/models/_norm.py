"""Norms over features: LayerNorm and RMSNorm, one form for each `schema.families.Options.norm`."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from schema.families import Options


class Norm(nn.Module):
    """The norm of a decoder; features are normalised in at least float32."""

    options: Options

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map (…, d) to (…, d) of the same type."""
        o, width = self.options, x.shape[-1:]
        ones = nn.with_logical_partitioning(nn.initializers.ones_init(), ("norm",))
        zeros = nn.with_logical_partitioning(nn.initializers.zeros_init(), ("norm",))
        scale = self.param("scale", ones, width, o.param_dtype)
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # 8 bits of mantissa don't hold a sum over d
        if o.norm == "rms":
            # x / √(mean(x²) + ε), rounded to the type of x and then scaled, as Llama does (Zhang and Sennrich 2019).
            y = wide * jax.lax.rsqrt(jnp.square(wide).mean(axis=-1, keepdims=True) + o.norm_eps)
            return y.astype(x.dtype) * scale.astype(x.dtype)
        # (x − mean) / √(variance + ε) · scale + bias over d (Ba et al. 2016). The variance is that of the centred
        # values: mean(x²) − mean(x)² would lose digits where the mean is large.
        centred = wide - wide.mean(axis=-1, keepdims=True)
        variance = jnp.square(centred).mean(axis=-1, keepdims=True)  # (…, 1)
        y = centred * jax.lax.rsqrt(variance + o.norm_eps)
        y = y * scale.astype(y.dtype)
        if o.norm_bias:
            y = y + self.param("bias", zeros, width, o.param_dtype).astype(y.dtype)
        return y.astype(x.dtype)
