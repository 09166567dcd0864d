"""A small tree of parameters and a way to compare an optimizer with a reference of optax, step by step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

# A table, a matrix, a stack of two layers of matrices and of vectors, a vector; random, none of them zero.
SHAPES = {
    "wte": {"embedding": (6, 4)},
    "blocks": {"attn": {"kernel": (2, 4, 5), "bias": (2, 5)}, "mlp": {"kernel": (2, 5, 4)}},
    "extra": {"kernel": (4, 3)},
    "norm": {"scale": (4,)},
    "lm_head": {"kernel": (4, 6)},
}
STEPS = 6


def random_tree(seed: int, scale: float = 1.0) -> Any:
    random = np.random.default_rng(seed)
    return jax.tree.map(
        lambda shape: jnp.asarray(scale * random.normal(size=shape), jnp.float32), SHAPES, is_leaf=_is_shape
    )


def gradient_at(step: int) -> Any:
    """A gradient whose global norm grows, so that some steps are clipped at 3 and some are not."""
    return random_tree(100 + step, 0.1 * (step + 1))


def trained(optimizer: optax.GradientTransformation, params: Any, rate: float, pick: Any = lambda tree: tree) -> Any:
    """Take STEPS steps of `rate` times the optimizer's updates; `pick` takes the part of a gradient that it sees."""
    state, update = optimizer.init(params), jax.jit(optimizer.update)
    for step in range(STEPS):
        updates, state = update(pick(gradient_at(step)), state, params)
        params = jax.tree.map(lambda w, u: w + rate * u, params, updates)
    return params


def clipped(tree: Any, limit: float) -> Any:
    """A gradient after clipping by the global norm of the whole tree."""
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)))
    return jax.tree.map(lambda leaf: leaf * jnp.minimum(1.0, limit / norm), tree)


def _is_shape(leaf: Any) -> bool:
    return isinstance(leaf, tuple)
