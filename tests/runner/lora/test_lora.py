"""Adapters: injection, merging, their gradient, and the change of phase."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from runner.failure import ExitCode, Failure
from runner.lora.adapters import count_lora_params, inject_lora_params, lora_scale, merge_lora_params, param_filter
from runner.lora.state import LoRATrainState, abstract_lora_state
from runner.lora.transition import transition_to_lora
from runner.models import cross_entropy
from runner.models._projection import project_wide
from runner.state import abstract_full_state, boxed_parameters
from runner.train.step import MicroBatch, train_step
from schema.families import adapters, parameters
from tests.runner.tiny_run import Trainer, in_float64, make_spec, model_of, one_device, random_batch, start, train

PARAMS = {
    "blocks": {
        "attn": {"q_proj": {"kernel": jnp.ones((2, 6, 4)), "bias": jnp.ones((2, 4))}},
        "norm": {"scale": jnp.ones((2, 6))},
    },
    "wte": {"embedding": jnp.ones((9, 6))},
}


def paths(tree: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def test_the_filter_is_true_where_the_path_contains_a_target() -> None:
    chosen = [path for path, masked in paths(param_filter(PARAMS, ["attn", "embed"])).items() if masked]
    assert chosen == ["blocks/attn/q_proj/bias", "blocks/attn/q_proj/kernel", "wte/embedding"]
    assert not any(paths(param_filter(PARAMS, ["k_proj"])).values())


def test_adapters_keep_leading_axes_and_leave_none_elsewhere() -> None:
    a, b = inject_lora_params(PARAMS, param_filter(PARAMS, [""]), 3, jax.random.key(0))
    assert {path: leaf.shape for path, leaf in paths(a).items()} == {
        "blocks/attn/q_proj/kernel": (2, 6, 3),
        "wte/embedding": (9, 3),
    }
    assert {path: leaf.shape for path, leaf in paths(b).items()} == {
        "blocks/attn/q_proj/kernel": (2, 3, 4),
        "wte/embedding": (3, 6),
    }
    assert a["blocks"]["norm"]["scale"] is None
    assert a["blocks"]["attn"]["q_proj"]["bias"] is None
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(b))
    assert count_lora_params(a, b) == 2 * 6 * 3 + 9 * 3 + 2 * 3 * 4 + 3 * 6


def test_a_is_drawn_with_standard_deviation_one_over_rank_for_each_layer_apart() -> None:
    params = {"up": {"kernel": jnp.zeros((3, 400, 7))}}
    a, _ = inject_lora_params(params, {"up": {"kernel": True}}, 8, jax.random.key(1))
    drawn = np.asarray(a["up"]["kernel"])
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.std(axis=(1, 2)), 1 / 8, rtol=0.05)
    assert abs(np.corrcoef(drawn.reshape(3, -1))[np.triu_indices(3, 1)]).max() < 0.06


def test_an_adapter_does_not_depend_on_the_others() -> None:
    key = jax.random.key(2)
    alone, _ = inject_lora_params(PARAMS, param_filter(PARAMS, ["wte"]), 3, key)
    among, _ = inject_lora_params(PARAMS, param_filter(PARAMS, ["wte", "q_proj"]), 3, key)
    assert (alone["wte"]["embedding"] == among["wte"]["embedding"]).all()


def test_merging_adds_the_scaled_product_in_float32_and_casts_last() -> None:
    a, b = inject_lora_params(PARAMS, param_filter(PARAMS, ["kernel"]), 3, jax.random.key(0))
    b = jax.tree.map(lambda leaf: leaf + 0.5, b)
    narrow = jax.tree.map(lambda w: w.astype(jnp.bfloat16), PARAMS)
    merged = merge_lora_params(narrow, a, b, alpha=6.0, rank=3)
    kernel = ("blocks", "attn", "q_proj", "kernel")
    a, b, found = (paths(tree)["/".join(kernel)] for tree in (a, b, merged))
    assert found.dtype == jnp.bfloat16
    assert (found == (1.0 + 2.0 * jnp.matmul(a, b, precision="highest")).astype(jnp.bfloat16)).all()
    assert merged["wte"]["embedding"] is narrow["wte"]["embedding"]


def test_scales() -> None:
    assert lora_scale(16.0, 8) == 2.0
    assert lora_scale(16.0, 16, "rslora") == 4.0


@pytest.mark.parametrize("tie_embeddings", [True, False])
def test_gradients_of_the_low_rank_path_are_those_through_merged_weights(tie_embeddings: bool, float64: None) -> None:
    spec = make_spec(
        architecture={"tie_embeddings": tie_embeddings, "rope": False, "n_kv_head": 2},
        lora={"target_modules": ["kernel", "embedding"], "alpha": 6.0},
    )
    model, random = in_float64(model_of(spec)), np.random.default_rng(0)
    shapes = nn.meta.unbox(jax.eval_shape(lambda key: boxed_parameters(model, key), jax.random.key(0)))
    mask = param_filter(shapes, spec.optimization.lora.target_modules)
    abstract = jax.eval_shape(lambda: inject_lora_params(shapes, mask, 4, jax.random.key(0)))
    params, (a, b) = jax.tree.map(lambda w: jnp.asarray(0.2 * random.normal(size=w.shape)), (shapes, abstract))
    batch = random_batch(spec, 0)

    def loss(variables: Any) -> jax.Array:
        head = lambda w, _, x, __: model.apply(w, x, method="head")  # noqa: E731
        hidden = model.apply(variables, batch["tokens"], method="hidden")
        labels = (jnp.asarray(batch["targets"]), jnp.asarray(batch["mask"]))
        return cross_entropy(head, variables, None, hidden, labels, 5)[0]

    low_rank = jax.jit(jax.value_and_grad(lambda ab: loss({"params": params, "lora_A": ab[0], "lora_B": ab[1]})))
    merged = jax.jit(jax.value_and_grad(lambda ab: loss({"params": merge_lora_params(params, *ab, 6.0, 4)})))
    ours, theirs = low_rank((a, b)), merged((a, b))
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-11), ours, theirs)


def test_the_low_rank_path_keeps_small_updates_that_merging_in_bfloat16_loses() -> None:
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=(64, 256)), jnp.bfloat16)
    w = jnp.asarray(0.02 * random.normal(size=(256, 256)), jnp.bfloat16)
    a, b = inject_lora_params({"kernel": w}, {"kernel": True}, 8, jax.random.key(0))
    b = {"kernel": jnp.asarray(1e-4 * random.normal(size=(8, 256)), jnp.float32)}
    merged = merge_lora_params({"kernel": w}, a, b, 8.0, 8)["kernel"]
    exact = x.astype(jnp.float32) @ (a["kernel"] @ b["kernel"])
    without = project_wide(x, w, None, x, 1.0)

    def error(y: jax.Array) -> float:
        return float(jnp.linalg.norm(y - without - exact) / jnp.linalg.norm(exact))

    assert (merged == w).mean() > 0.5
    assert error(project_wide(x, merged, None, x, 1.0)) > 0.5
    assert error(project_wide(x, w, (a["kernel"], b["kernel"]), x, 1.0)) < 0.01


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def changed(request: pytest.FixtureRequest) -> tuple[Trainer, dict[str, np.ndarray], list[jax.Array], np.ndarray]:
    """A trainer just past its change of phase: with the last full parameters, its old arrays, its last full logits."""
    spec = make_spec(
        architecture={"dtype": {"activation": request.param}}, lora={"target_modules": ["attn", "up_proj", "wte"]}
    )
    trainer = start(spec)
    train(trainer, steps=2, micro_rows=8)
    logits = jax.jit(trainer.model.apply)({"params": trainer.state.params}, random_batch(spec, 5)["tokens"])
    params, old = jax.tree.map(np.array, trainer.state.params), jax.tree.leaves(trainer.state.opt_state)
    transition_to_lora(trainer)
    return trainer, paths(params), old, np.asarray(logits)


def test_the_first_lora_forward_equals_the_last_full_forward(changed: Any) -> None:
    trainer, _, _, last = changed
    variables = {"params": trainer.state.base_params, **trainer.state.params}
    first = jax.jit(trainer.model.apply)(variables, random_batch(trainer.spec.spec, 5)["tokens"])
    assert (np.asarray(first) == last).all()


def test_the_base_is_the_trained_one_in_the_activation_type(changed: Any) -> None:
    trainer, trained, _, _ = changed
    activation = jnp.dtype(trainer.spec.spec.architecture.dtype.activation)
    for path, leaf in paths(trainer.state.base_params).items():
        matrix = path.endswith(("kernel", "embedding"))
        assert leaf.dtype == (activation if matrix else jnp.float32)
        assert (np.asarray(leaf) == trained[path].astype(leaf.dtype)).all()


def test_the_full_state_is_released_and_the_trainer_updated(changed: Any) -> None:
    trainer, _, old, _ = changed
    assert all(leaf.is_deleted() for leaf in old)
    assert trainer._in_lora_phase
    assert isinstance(trainer.state, LoRATrainState)
    jax.tree.map(
        lambda leaf, sharding: leaf.sharding.is_equivalent_to(sharding, leaf.ndim) or pytest.fail(str(leaf)),
        trainer.state,
        trainer.state_sharding,
    )


def test_optimizer_state_is_spent_on_adapters_alone(changed: Any) -> None:
    trainer, _, _, _ = changed
    spec = trainer.spec.spec
    found = adapters(parameters(spec.architecture), spec.optimization.lora.target_modules, spec.optimization.lora.rank)
    sizes = sum(leaf.size for leaf in jax.tree.leaves(trainer.state.opt_state) if leaf.ndim)
    assert sizes == 2 * sum(parameter.size for parameter in found) == 2 * count_lora_params(**trainer.state.params)


def test_the_abstract_state_is_that_of_the_transition(changed: Any) -> None:
    trainer, _, _, _ = changed
    abstract = abstract_lora_state(trainer.model, trainer.spec.spec, trainer.mesh)
    real = {path: (leaf.shape, leaf.dtype) for path, leaf in paths(trainer.state).items()}
    assert {path: (leaf.shape, leaf.dtype) for path, leaf in paths(abstract).items()} == real


def test_steps_leave_the_base_as_it_is_and_change_the_adapters(changed: Any) -> None:
    trainer = replace(changed[0], state=jax.tree.map(jnp.copy, changed[0].state))  # others read what it holds
    base, adapters = (jax.tree.map(np.array, tree) for tree in (trainer.state.base_params, trainer.state.params))
    losses = train(trainer, steps=3, micro_rows=8)
    assert losses[0] != losses[1]
    assert all(jax.tree.leaves(jax.tree.map(lambda x, y: (x == np.asarray(y)).all(), base, trainer.state.base_params)))
    assert all(jax.tree.leaves(jax.tree.map(lambda x, y: (x != np.asarray(y)).any(), adapters, trainer.state.params)))


def test_targets_that_match_no_matrix_are_refused() -> None:
    trainer = start(make_spec(lora={"target_modules": ["scale"]}))
    with pytest.raises(Failure, match="match no matrix of gpt") as caught:
        transition_to_lora(trainer)
    assert caught.value.exit_code == ExitCode.INVALID
    assert not trainer._in_lora_phase


@pytest.mark.parametrize("tie_embeddings", [True, False])
def test_the_lora_step_forms_no_dense_weight_gradient(tie_embeddings: bool) -> None:
    # Sizes are such that no other product has the shape of a weight.
    spec = make_spec(
        architecture={"tie_embeddings": tie_embeddings, "n_embd": 40, "intermediate_size": 100, "n_kv_head": 2},
        lora={"target_modules": ["kernel", "embedding"]},
    )
    model, mesh = model_of(spec), one_device()
    matrices = [parameter for parameter in parameters(spec.architecture) if parameter.matrix]
    weights = {parameter.matrix for parameter in matrices} | {parameter.matrix[::-1] for parameter in matrices}
    batch = jax.eval_shape(lambda: jax.tree.map(jnp.asarray, random_batch(spec, 0)))
    key = jax.eval_shape(lambda: jax.random.key(0))

    def shapes(state: Any) -> set[tuple[int, ...]]:
        traced = jax.make_jaxpr(lambda s, b, k: train_step(s, b, jnp.float32(1e-3), k, MicroBatch(1, 4)))
        return set(product_shapes(traced(state, batch, key).jaxpr))

    assert weights & shapes(abstract_lora_state(model, spec, mesh)) == set()
    assert len(weights & shapes(abstract_full_state(model, spec, mesh))) >= 4  # that phase does form them


def product_shapes(jaxpr: Any) -> Any:
    """Shapes of the results of all matrix products, those of inner programs too."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield equation.outvars[0].aval.shape
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from product_shapes(inner)
