"""Muon without a learning rate, times the rate, is optax's for matrices of blocks, and AdamW for the rest."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
import pytest

from runner.optimizers import build_optimizer
from tests.runner.optimizers.reference import clipped, random_tree, trained
from tests.runner.tiny_run import make_spec

RATE, CLIP, DECAY = 0.05, 3.0, 0.2


def stacked(tree: Any) -> dict[str, Any]:
    """The matrices that Muon trains, each layer of a stack on its own."""
    layers = {f"{name}{layer}": tree["blocks"][name]["kernel"][layer] for name in ("attn", "mlp") for layer in (0, 1)}
    return {**layers, "extra": tree["extra"]["kernel"]}


@pytest.mark.parametrize(
    "keys", [{}, {"consistent_rms": None}, {"nesterov": False, "ns_steps": 3, "beta": 0.8}], ids=str
)
def test_matrices_of_every_layer_move_as_optax_moves_them_alone(keys: dict[str, Any]) -> None:
    spec = make_spec(optimization={"optimizer": "muon", "muon": keys, "grad_clip": CLIP, "weight_decay": DECAY})
    ours = trained(build_optimizer(spec.optimization, "full"), random_tree(0), RATE)
    reference = optax.contrib.muon(1.0, weight_decay=DECAY, **{"consistent_rms": 0.2, **keys})
    theirs = trained(reference, stacked(random_tree(0)), RATE, lambda tree: stacked(clipped(tree, CLIP)))
    # Both sum in float32, in another order: the polynomial of five iterations widens a difference of 1e-7.
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6), stacked(ours), theirs)


def test_tables_the_head_norms_and_biases_move_as_adamw_moves_them() -> None:
    optimization = {"grad_clip": CLIP, "weight_decay": DECAY, "adamw": {"beta2": 0.9}}
    muon, adamw = (
        trained(build_optimizer(make_spec(optimization=each).optimization, "full"), random_tree(0), RATE)
        for each in (optimization | {"optimizer": "muon"}, optimization)
    )
    for name in ("wte", "norm", "lm_head"):
        jax.tree.map(np.testing.assert_array_equal, muon[name], adamw[name])
    np.testing.assert_array_equal(muon["blocks"]["attn"]["bias"], adamw["blocks"]["attn"]["bias"])


def test_an_update_has_the_root_mean_square_that_was_asked() -> None:
    spec = make_spec(optimization={"optimizer": "muon", "muon": {"consistent_rms": 0.2}, "weight_decay": 0.0})
    optimizer, params = build_optimizer(spec.optimization, "full"), random_tree(0)
    update, _ = jax.jit(optimizer.update)(random_tree(1), optimizer.init(params), params)
    rms = np.sqrt(np.mean(np.square(update["blocks"]["attn"]["kernel"]), axis=(-2, -1)))
    # Newton-Schulz leaves singular values of about 0.7 to 1.2 (Jordan et al. 2024), and of 5 × 4 entries 4 are free.
    assert ((rms > 0.1) & (rms < 0.25)).all()
