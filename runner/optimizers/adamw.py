"""AdamW: Adam with decoupled weight decay of matrices (Loshchilov and Hutter 2019)."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from schema.families import is_matrix
from schema.sections.optimization import Optimization


def build(optimization: Optimization) -> optax.GradientTransformation:
    """Chain clipping by global norm, Adam's direction and weight decay; moments are float32.

    An update is −(m̂ / (√v̂ + eps) + weight_decay · w), to be multiplied by the learning rate. Adapters
    are stored under their matrix's name and decay like it; norms and biases do not decay.
    """
    o = optimization
    clip = [] if o.grad_clip is None else [optax.clip_by_global_norm(o.grad_clip)]
    adam = optax.scale_by_adam(b1=o.beta1, b2=o.beta2, eps=o.eps)
    return optax.chain(
        *clip,
        optax.GradientTransformation(lambda params: adam.init(_in_float32(params)), adam.update),
        optax.add_decayed_weights(o.weight_decay, mask=is_decayed),
        optax.scale(-1.0),
    )


def is_decayed(params: Any) -> Any:
    """Tell for each leaf of a tree of parameters (bare, or boxed with their axes) whether it decays."""

    def decayed(path: tuple[Any, ...], _: Any) -> bool:
        return is_matrix(jax.tree_util.keystr(path, simple=True, separator="/"))

    return jax.tree_util.tree_map_with_path(decayed, params, is_leaf=lambda x: isinstance(x, nn.meta.AxisMetadata))


def _in_float32(params: Any) -> Any:
    """Widen 16-bit parameters: in their type a second moment would stop moving at a decay of 0.99 or more."""
    return jax.tree.map(lambda w: w.astype(jnp.promote_types(w.dtype, jnp.float32)), params)
