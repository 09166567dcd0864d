"""One step: accumulation, normalisation, dropout keys, validation."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
import pytest

from runner.lora.transition import transition_to_lora
from runner.mesh import put_batch
from runner.state import Stream, stream_key
from runner.train.compiled import compile_phase
from schema.budget.schedules.wsd import learning_rate
from tests.runner.tiny_run import make_spec, one_device, random_batch, start, steps_of, train


@pytest.mark.parametrize("phase", ["full", "lora"])
def test_accumulation_1_by_8_equals_2_by_4_and_8_by_1(phase: str) -> None:
    ends = []
    for micro_rows in (8, 4, 1):
        trainer = start(make_spec(lora={"target_modules": ["kernel", "wte"]}))
        if phase == "lora":
            transition_to_lora(trainer)
        losses = train(trainer, steps=3, micro_rows=micro_rows, rate=1e-3)
        ends.append((losses, jax.tree.map(np.array, trainer.state.params)))
    for other in ends[1:]:
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-6), ends[0], other)


def test_the_loss_is_the_mean_over_supervised_tokens_and_its_gradient_moves_the_parameters() -> None:
    spec = make_spec(optimization={"weight_decay": 0.0, "grad_clip": None})
    trainer = start(spec)
    params, batch = jax.tree.map(np.array, trainer.state.params), random_batch(spec, 0)

    def mean_loss(params: Any) -> jax.Array:
        logits = trainer.model.apply({"params": params}, batch["tokens"])
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch["targets"])
        return (losses * batch["mask"]).sum() / batch["mask"].sum()

    loss, gradient = jax.jit(jax.value_and_grad(mean_loss))(params)
    (metrics,) = steps_of(compile_phase(spec, trainer.mesh, trainer.state, 4), trainer, steps=1)
    np.testing.assert_allclose(metrics["loss"], loss, rtol=1e-6)
    np.testing.assert_allclose(metrics["grad_norm"], optax.tree.norm(gradient), rtol=1e-5)
    assert metrics["supervised_tokens"] == batch["mask"].sum()
    assert metrics["finite"]
    (adam,) = (part for part in trainer.state.opt_state if isinstance(part, optax.ScaleByAdamState))
    jax.tree.map(lambda m, g: np.testing.assert_allclose(m, 0.1 * g, rtol=1e-4, atol=1e-8), adam.mu, gradient)


def test_steps_under_the_schedule_lower_the_loss_of_a_repeated_batch() -> None:
    spec = make_spec(training={"validation": True})
    trainer = start(spec)
    phase = compile_phase(spec, trainer.mesh, trainer.state, 8)
    batch, key, losses = put_batch(trainer.mesh, random_batch(spec, 0)), stream_key(0, Stream.DROPOUT_FULL), []
    with jax.transfer_guard("disallow"):
        for step in range(30):
            rate = learning_rate(step, 30, 1e-2, 3, 10)
            trainer.state, metrics = phase.train(trainer.state, batch, rate, key)
            losses.append(metrics["loss"])
    assert losses[-1] < 0.5 * losses[0]
    assert trainer.state.step == 30
    validated = phase.validate(trainer.state, batch)
    assert float(validated["loss_sum"] / validated["supervised_tokens"]) < losses[-1]


def test_a_batch_without_supervision_has_loss_zero_and_a_broken_one_is_not_finite() -> None:
    spec = make_spec(optimization={"weight_decay": 0.0})
    trainer = start(spec)
    phase, key = compile_phase(spec, trainer.mesh, trainer.state, 8), stream_key(0, Stream.DROPOUT_FULL)
    before = jax.tree.map(np.array, trainer.state.params)
    nothing = random_batch(spec, 0) | {"mask": np.zeros((8, 12), np.float32)}
    trainer.state, metrics = phase.train(trainer.state, put_batch(trainer.mesh, nothing), 1e-2, key)
    assert (metrics["loss"], metrics["supervised_tokens"], metrics["finite"]) == (0, 0, True)
    assert all(jax.tree.leaves(jax.tree.map(lambda x, y: (x == np.asarray(y)).all(), before, trainer.state.params)))
    broken = random_batch(spec, 0) | {"mask": np.full((8, 12), np.nan, np.float32)}
    _, metrics = phase.train(trainer.state, put_batch(trainer.mesh, broken), 1e-2, key)
    assert not metrics["finite"]


def test_dropout_differs_from_step_to_step_and_is_absent_from_validation() -> None:
    spec = make_spec(
        architecture={"dropout": 0.3},
        training={"validation": True},
        lora={"dropout": 0.3, "target_modules": ["kernel"]},
    )
    trainer = start(spec)
    transition_to_lora(trainer)
    phase = compile_phase(spec, one_device(), trainer.state, 4)
    batch, key = put_batch(trainer.mesh, random_batch(spec, 0)), stream_key(0, Stream.DROPOUT_LORA)
    validated = [float(phase.validate(trainer.state, batch)["loss_sum"]) for _ in range(2)]
    losses = []
    for _ in range(2):
        trainer.state, metrics = phase.train(trainer.state, batch, 0.0, key)
        losses.append(float(metrics["loss"]))
    assert validated[0] == validated[1]
    assert losses[0] != losses[1]
