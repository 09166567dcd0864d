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
from runner.data.styles import Gathered, Rows, load_style
from runner.lora.transition import transition_to_lora
from runner.train.step import MicroBatch, train_step
from tests.runner.data.test_data_styles import Split
from tests.runner.models.test_decoder import variables_of
from tests.runner.tiny_run import in_float64, make_spec, model_of, start

LENGTHS = (5, 7)  # of the two examples that fill a row of 12
LLAMA = {"family": "llama", "n_kv_head": 2, "intermediate_size": 64}
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


def rows_of(style: str, seed: int, changed: int | None = None) -> tuple[Rows, Gathered]:
    """Random examples of odd lengths, one of them with other tokens, as all rows of a style."""
    random = np.random.default_rng(seed)
    examples = [
        [((token + 7 * (number == changed)) % 61).tolist() for token in np.split(random.integers(0, 61, length), [2])]
        for number, length in enumerate((5, 7, 3, 9, 4, 11, 5))
    ]
    split = Split([(prompt, rest) for prompt, rest in examples], pad=60)
    rows = load_style(style).open_rows(split, 12, "truncate", document_mask=True)
    return rows, rows.gather(np.arange(len(rows)))


@pytest.mark.parametrize("style", ["PACKED", "PMD"])
@pytest.mark.parametrize("options", [*VARIANTS, LLAMA], ids=str)
def test_an_example_changes_no_logit_of_another(style: str, options: dict[str, Any]) -> None:
    model = model_of(make_spec(architecture=options))
    variables, apply = variables_of(model), jax.jit(model.apply)

    def logits(rows: Gathered) -> np.ndarray:
        assert rows.positions is not None
        assert rows.segments is not None
        return np.asarray(apply(variables, *(array[:, :-1] for array in (rows.tokens, rows.positions, rows.segments))))

    rows, found = rows_of(style, seed=3)
    before = logits(found)
    for changed in range(7):
        after, own = logits(rows_of(style, 3, changed)[1]), np.zeros(before.shape[:2], np.bool_)
        for row in range(len(rows)):
            for part in rows.documents(row):
                if part.document == changed:
                    own[row, max(0, part.column) : part.column + part.length] = True
        np.testing.assert_array_equal(after[~own], before[~own])  # bit for bit: padding, and all examples but its own
        assert (after[own] != before[own]).any(axis=-1).all()


def batch_of(rows: Gathered) -> dict[str, np.ndarray]:
    """A batch of seven rows: these, and rows of padding; a row without segments is one."""
    shape = rows.tokens.shape
    arrays = {
        "tokens": rows.tokens[:, :-1],
        "targets": rows.tokens[:, 1:],
        "mask": rows.mask().astype(np.float32),
        "positions": np.broadcast_to(np.arange(12), (len(rows.tokens), 12)),
        "segments": np.zeros((shape[0], 12), np.int32),
    }
    if rows.positions is not None and rows.segments is not None:
        arrays |= {"positions": rows.positions[:, :-1], "segments": rows.segments[:, :-1]}
    return {name: np.pad(array, ((0, 7 - len(array)), (0, 0))) for name, array in arrays.items()}


@pytest.mark.parametrize(
    ("phase", "options"), [("lora", VARIANTS[0]), ("full", VARIANTS[1]), ("full", LLAMA), ("lora", LLAMA)], ids=str
)
def test_packed_rows_train_as_their_examples_do_alone(phase: str, options: dict[str, Any]) -> None:
    trainer = start(make_spec(architecture=options, lora={"target_modules": ["kernel", "wte"]}))
    if phase == "lora":
        transition_to_lora(trainer)
    packed, padded = (rows_of(style, seed=5)[1] for style in ("PACKED", "PADDED"))
    assert len(packed.tokens) < len(padded.tokens) == 7
    step = jax.jit(partial(train_step, micro=MicroBatch(1, 1)))

    def step_over(rows: Gathered) -> tuple[dict[str, jax.Array], Any]:
        state, metrics = step(trainer.state, batch_of(rows), jnp.float32(1e-3), jax.random.key(0))
        (adam,) = (part for part in state.opt_state if isinstance(part, optax.ScaleByAdamState))
        return metrics, jax.tree.map(lambda moment: 10 * moment, adam.mu)  # AdamW's first moment holds a tenth of it

    (metrics, gradient), (alone, expected) = step_over(packed), step_over(padded)
    # As many targets and the same mean of their losses: the sums are the same.
    assert metrics["supervised_tokens"] == alone["supervised_tokens"] > 0
    np.testing.assert_allclose(metrics["loss"], alone["loss"], rtol=1e-5)
    norm = optax.tree.norm(expected)
    for (path, one), other in zip(
        jax.tree_util.tree_leaves_with_path(gradient), jax.tree.leaves(expected), strict=True
    ):
        # Keys' biases, to which softmax is blind, have gradients of rounding alone.
        bound = 1e-5 * np.linalg.norm(other) + 1e-6 * norm
        assert np.linalg.norm(one - other) <= bound, jax.tree_util.keystr(path)


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
