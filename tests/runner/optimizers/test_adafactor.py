"""Adafactor without a learning rate, times the rate, is optax's of each layer alone."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
import pytest

from runner.optimizers import build_optimizer, is_decayed
from tests.runner.optimizers.reference import clipped, random_tree, trained
from tests.runner.tiny_run import make_spec

RATE, CLIP, DECAY = 0.05, 3.0, 0.2


def unstacked(tree: Any) -> Any:
    """The same parameters, with the layers of each stack under their numbers."""
    blocks = tree["blocks"]
    return {**tree, "blocks": {str(layer): jax.tree.map(lambda w, n=layer: w[n], blocks) for layer in (0, 1)}}


@pytest.mark.parametrize(
    "keys",
    [
        {"min_dim_size_to_factor": 4},  # some are factored, the head's neighbour (4, 3) is not
        {"min_dim_size_to_factor": 1, "clipping_threshold": 0.5, "multiply_by_parameter_scale": True},
        {"min_dim_size_to_factor": 4, "clipping_threshold": None, "decay_rate": 0.6},
    ],
    ids=str,
)
def test_each_layer_moves_as_optax_moves_it_alone(keys: dict[str, Any]) -> None:
    optimization = {"optimizer": "adafactor", "adafactor": keys, "grad_clip": CLIP, "weight_decay": DECAY}
    ours = trained(build_optimizer(make_spec(optimization=optimization).optimization, "full"), random_tree(0), RATE)
    reference = optax.adafactor(
        **{"multiply_by_parameter_scale": False, **keys}, weight_decay_rate=DECAY, weight_decay_mask=is_decayed
    )
    theirs = trained(reference, unstacked(random_tree(0)), RATE, lambda tree: unstacked(clipped(tree, CLIP)))
    # float32; optax estimates by the longer side's mean, here it is the mean of rows: equal but for rounding.
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6), unstacked(ours), theirs)


def test_moments_of_16_bit_parameters_are_float32() -> None:
    spec = make_spec(optimization={"optimizer": "adafactor", "adafactor": {"min_dim_size_to_factor": 4}})
    optimizer = build_optimizer(spec.optimization, "full")

    def moved() -> Any:
        narrow = jax.tree.map(lambda w: w.astype("bfloat16"), random_tree(0))
        state = optimizer.init(narrow)
        return state, optimizer.update(random_tree(1), state, narrow)[1]

    for state in jax.eval_shape(moved):
        assert {str(leaf.dtype) for leaf in jax.tree.leaves(state) if leaf.ndim} == {"float32"}
