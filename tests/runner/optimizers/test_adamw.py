"""AdamW without a learning rate, times the rate, is optax's AdamW."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from runner.optimizers import build_optimizer, is_decayed
from schema.budget.schedules.wsd import learning_rate
from schema.lint import accepted, lint_text
from tests.runner.tiny_run import make_spec

PARAMS = {"attn": {"kernel": jnp.ones((2, 3, 4)), "bias": jnp.ones((2, 4))}, "norm": {"scale": jnp.ones(3)}}


def gradient_at(step: int, dtype: Any = jnp.float32) -> Any:
    random = np.random.default_rng(step)
    return jax.tree.map(lambda w: jnp.asarray(random.normal(size=w.shape), dtype), PARAMS)


def test_updates_times_the_rate_are_those_of_optax() -> None:
    optimization = make_spec(optimization={"grad_clip": 0.5, "weight_decay": 0.2}).optimization
    rates = [learning_rate(step, 10, 1e-2, 3, 3) for step in range(10)]
    reference = optax.chain(
        optax.clip_by_global_norm(0.5),
        optax.adamw(lambda count: jnp.asarray(rates)[count], 0.9, 0.95, 1e-8, weight_decay=0.2, mask=is_decayed),
    )
    ours, theirs = PARAMS, PARAMS
    optimizer = build_optimizer(optimization, "full")
    our_state, their_state = optimizer.init(ours), reference.init(theirs)
    update, their_update = jax.jit(optimizer.update), jax.jit(reference.update)
    for step, rate in enumerate(rates):
        direction, our_state = update(gradient_at(step), our_state, ours)
        ours = jax.tree.map(lambda w, u, rate=rate: w + rate * u, ours, direction)
        updates, their_state = their_update(gradient_at(step), their_state, theirs)
        theirs = jax.tree.map(jnp.add, theirs, updates)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6), ours, theirs)


def test_matrices_decay_and_norms_and_biases_do_not() -> None:
    assert is_decayed(PARAMS) == {"attn": {"kernel": True, "bias": False}, "norm": {"scale": False}}
    assert is_decayed({"lora_A": {"wte": {"embedding": jnp.ones((3, 2))}}}) == {"lora_A": {"wte": {"embedding": True}}}


def test_keys_that_stand_beside_the_section_mean_those_in_it() -> None:
    flat, own = (
        accepted(lint_text(text)) for text in ("optimization: {beta1: 0.5}", "optimization: {adamw: {beta1: 0.5}}")
    )
    assert flat.optimization == own.optimization
    assert own.optimization.adamw.beta1 == 0.5


def test_without_clipping_large_gradients_give_the_same_direction() -> None:
    optimizer = build_optimizer(make_spec(optimization={"grad_clip": None, "weight_decay": 0.0}).optimization, "full")
    gradient = jax.tree.map(lambda g: 1e6 * g, gradient_at(0))
    direction, _ = optimizer.update(gradient, optimizer.init(PARAMS), PARAMS)
    jax.tree.map(lambda u, g: np.testing.assert_allclose(u, -np.sign(g), rtol=1e-4), direction, gradient)


def test_moments_of_16_bit_parameters_are_float32() -> None:
    optimizer = build_optimizer(make_spec().optimization, "full")
    narrow = jax.tree.map(lambda w: w.astype(jnp.bfloat16), PARAMS)
    state = optimizer.init(narrow)
    _, after = optimizer.update(gradient_at(0), state, narrow)
    for each in (state, after):
        assert {leaf.dtype for leaf in jax.tree.leaves(each) if leaf.ndim} == {jnp.dtype("float32")}
