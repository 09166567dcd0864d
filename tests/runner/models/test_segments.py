"""Segments: examples that share a row are trained as if each stood alone, and rows of one segment cost nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from runner.data.batch import BatchSpec
from runner.lora.transition import transition_to_lora
from runner.train.step import MicroBatch, train_step
from tests.runner.models.test_decoder import variables_of
from tests.runner.tiny_run import Trainer, in_float64, make_spec, model_of, start

LENGTHS = (5, 7)  # of the two examples that fill a row of 12
VARIANTS = [{"rope": True, "n_kv_head": 2}, {"rope": False, "remat": "full"}]


def layout(lengths: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Positions and segments (1, t) of a row that holds examples of these lengths."""
    positions = np.concatenate([np.arange(length, dtype=np.int32) for length in lengths])
    return {"positions": positions[None], "segments": np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)[None]}


def packed_and_alone() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The same two examples as one segmented row (1, 12), and as two padded rows (2, 12) of one segment each."""
    random, t = np.random.default_rng(5), sum(LENGTHS)
    packed = {name: random.integers(0, 61, (1, t), np.int32) for name in ("tokens", "targets")}
    packed |= {"mask": np.ones((1, t), np.float32), **layout(LENGTHS)}
    alone = {name: np.zeros((2, t), packed[name].dtype) for name in ("tokens", "targets", "mask")}
    for row, (first, length) in enumerate(zip((0, LENGTHS[0]), LENGTHS, strict=True)):
        for name, array in alone.items():
            array[row, :length] = packed[name][0, first : first + length]
    return packed, alone


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize("implementation", ["xla", "cudnn"])
def test_logits_of_a_packed_row_are_those_of_its_examples_alone(options: dict[str, Any], implementation: Any) -> None:
    model = model_of(make_spec(architecture=options))
    variables, (packed, _) = variables_of(model), packed_and_alone()
    chosen = model.clone(attention_implementation=implementation)  # a CPU has no cuDNN, and must not need it here
    both = jax.jit(chosen.apply)(variables, packed["tokens"], packed["positions"], packed["segments"])
    for tokens, logits in zip(np.split(packed["tokens"], [5], 1), jnp.split(both, [5], 1), strict=True):
        # Sums of 12 weights, some of them zero, round in another order than those of 5 or 7: a few float32 epsilons.
        np.testing.assert_allclose(logits, model.apply(variables, tokens), rtol=1e-5, atol=1e-5)


def test_a_packed_row_is_exact_in_float64(float64: None) -> None:
    model = in_float64(model_of(make_spec()))
    variables, (packed, _) = variables_of(model), packed_and_alone()
    both = model.apply(variables, packed["tokens"], packed["positions"], packed["segments"])
    for tokens, logits in zip(np.split(packed["tokens"], [5], 1), jnp.split(both, [5], 1), strict=True):
        np.testing.assert_allclose(logits, model.apply(variables, tokens), atol=1e-13)


@pytest.mark.parametrize("rope", [True, False])
def test_explicit_trivial_positions_and_segments_change_nothing(rope: bool) -> None:
    model = model_of(make_spec(architecture={"rope": rope}))
    variables, (packed, _) = variables_of(model), packed_and_alone()
    plain = model.apply(variables, packed["tokens"])
    given = model.apply(variables, packed["tokens"], *layout((12,)).values())
    np.testing.assert_array_equal(given, plain)


def one_step(trainer: Trainer, batch: dict[str, np.ndarray]) -> tuple[jax.Array, Any]:
    """Loss and gradient of a step, the gradient as AdamW's first moment holds it: a tenth."""
    step = jax.jit(partial(train_step, micro=MicroBatch(1, 1)))
    state, metrics = step(trainer.state, batch, jnp.float32(1e-3), jax.random.key(0))
    (adam,) = (part for part in state.opt_state if isinstance(part, optax.ScaleByAdamState))
    return metrics["loss"], adam.mu


@pytest.mark.parametrize(("phase", "options"), [("full", VARIANTS[0]), ("lora", VARIANTS[1])], ids=str)
def test_the_gradient_of_a_packed_row_is_that_of_its_examples_alone(phase: str, options: dict[str, Any]) -> None:
    trainer = start(make_spec(architecture=options, lora={"target_modules": ["kernel", "wte"]}))
    if phase == "lora":
        transition_to_lora(trainer)
    (loss, gradient), (expected_loss, expected) = (one_step(trainer, batch) for batch in packed_and_alone())
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-6)
    assert any(np.abs(leaf).max() > 1e-4 for leaf in jax.tree.leaves(gradient))
    # One row sums in one micro-batch what two rows sum in two; and the base is bfloat16 in phase lora, activations not.
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-7), gradient, expected)


def test_rows_of_one_segment_cost_no_flops_and_no_input() -> None:
    trainer = start(make_spec())

    def compiled(batch: BatchSpec) -> jax.stages.Compiled:
        arrays = {name: jax.ShapeDtypeStruct(batch.shape, dtype) for name, dtype in batch.dtypes.items()}
        step = jax.jit(partial(train_step, micro=MicroBatch(1, 4)))
        return step.lower(trainer.state, arrays, jnp.float32(0), jax.random.key(0)).compile()

    plain, segmented = compiled(BatchSpec(8, 12)), compiled(BatchSpec(8, 12, segmented=True))
    assert set(plain.in_avals[0][1]) == {"tokens", "targets", "mask"}
    assert set(segmented.in_avals[0][1]) == {"tokens", "targets", "mask", "positions", "segments"}
    assert plain.cost_analysis()["flops"] < segmented.cost_analysis()["flops"]
    # Rows of one segment are masked as causal attention alone is, which compares no two segments.
    assert "direction=EQ" not in attention_of(plain)
    assert "direction=EQ" in attention_of(segmented)


def attention_of(program: jax.stages.Compiled) -> str:
    """The lines of a compiled program that come from attention."""
    return "\n".join(line for line in program.as_text().splitlines() if "attn" in line)
