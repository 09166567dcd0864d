"""AdamW: Adam (Kingma and Ba 2015); its weight decay is decoupled (Loshchilov and Hutter 2019), as every kind's."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from schema.sections.optimization import Optimization


def build(optimization: Optimization) -> optax.GradientTransformation:
    """Give m̂ / (√v̂ + eps) of each parameter; moments are float32."""
    keys = optimization.adamw
    adam = optax.scale_by_adam(b1=keys.beta1, b2=keys.beta2, eps=keys.eps)
    return optax.GradientTransformation(lambda params: adam.init(_in_float32(params)), adam.update)


def _in_float32(params: Any) -> Any:
    """Widen 16-bit parameters: in their type a second moment would stop moving at a decay of 0.99 or more."""
    return jax.tree.map(lambda w: w.astype(jnp.promote_types(w.dtype, jnp.float32)), params)
