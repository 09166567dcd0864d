"""The decoder: its tree is that of its family's facts, its function that of the definition."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from runner.lora.state import lora_state_shape
from runner.models import Decoder
from runner.state import boxed_parameters
from schema.families import Parameter, adapters, parameters
from schema.sections.architecture import Architecture
from tests.runner.tiny_run import in_float64, make_spec, model_of

OPTIONS = [
    {"rope": rope, "bias": bias, "tie_embeddings": tie, "n_kv_head": kv, "intermediate_size": f, "remat": remat}
    for rope, bias, tie, kv, (f, remat) in product(
        (True, False), (True, False), (True, False), (None, 2), ((None, "full"), (40, "names"))
    )
]


def listed(boxed: Any) -> set[tuple[str, tuple[int, ...], tuple[str, ...]]]:
    leaves = jax.tree_util.tree_leaves_with_path(boxed, is_leaf=lambda x: isinstance(x, nn.LogicallyPartitioned))
    return {
        (jax.tree_util.keystr(path, simple=True, separator="/"), box.value.shape, box.names) for path, box in leaves
    }


def expected(found: tuple[Parameter, ...]) -> set[tuple[str, tuple[int, ...], tuple[str, ...]]]:
    return {(parameter.path, parameter.shape, parameter.axes) for parameter in found}


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_parameters_and_their_axes_are_those_of_the_family(options: dict[str, Any]) -> None:
    spec = make_spec(architecture=options)
    boxed = jax.eval_shape(lambda key: boxed_parameters(model_of(spec), key), jax.random.key(0))
    assert listed(boxed) == expected(parameters(spec.architecture))


@pytest.mark.parametrize("targets", [["kernel"], ["attn", "wte"], ["embedding", "down_proj"], ["q_proj/k"]], ids=str)
@pytest.mark.parametrize("options", OPTIONS[::5], ids=str)
def test_adapters_and_their_axes_are_those_of_the_family(options: dict[str, Any], targets: list[str]) -> None:
    spec = make_spec(architecture=options, lora={"target_modules": targets, "rank": 3})
    found = adapters(parameters(spec.architecture), targets, 3)
    assert listed(lora_state_shape(model_of(spec), spec).params) == expected(found)


def variables_of(model: Decoder) -> dict[str, Any]:
    """Random parameters, biases and scales away from where they start."""
    shapes = nn.meta.unbox(jax.eval_shape(lambda key: boxed_parameters(model, key), jax.random.key(0)))
    random = np.random.default_rng(3)
    return {"params": jax.tree.map(lambda w: jnp.asarray(0.2 * random.normal(size=w.shape), w.dtype), shapes)}


def reference_logits(a: Architecture, params: Any, tokens: np.ndarray) -> np.ndarray:
    """The decoder, position by position and head by head, in float64 numpy from its definition."""
    w = jax.tree.map(lambda x: np.asarray(x, np.float64), params)
    positions, head, kv_heads = tokens.shape[1], a.n_embd // a.n_head, a.n_kv_head or a.n_head

    def norm(x: np.ndarray, p: Any) -> np.ndarray:
        y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return y * p["scale"] + p.get("bias", 0.0)

    def linear(x: np.ndarray, p: Any) -> np.ndarray:
        return x @ p["kernel"] + p.get("bias", 0.0)

    def turn(x: np.ndarray, t: int) -> np.ndarray:
        if not a.rope:
            return x
        half = head // 2
        angle = t * a.rope_theta ** (-2 * np.arange(half) / head)
        pairs = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angle)
        return np.concatenate([pairs.real, pairs.imag], axis=-1)

    def attention(x: np.ndarray, p: Any) -> np.ndarray:
        q, k, v = (linear(x, p[name]).reshape(positions, -1, head) for name in ("q_proj", "k_proj", "v_proj"))
        q, k = (np.stack([turn(y[t], t) for t in range(positions)]) for y in (q, k))
        out = np.zeros((positions, a.n_head, head))
        for h, t in product(range(a.n_head), range(positions)):
            group = h // (a.n_head // kv_heads)
            weights = np.exp(k[: t + 1, group] @ q[t, h] / np.sqrt(head))
            out[t, h] = weights / weights.sum() @ v[: t + 1, group]
        return linear(out.reshape(positions, -1), p["o_proj"])

    def gelu(x: np.ndarray) -> np.ndarray:
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def row(ids: np.ndarray) -> np.ndarray:
        x = w["wte"]["embedding"][ids]
        if not a.rope:
            x = x + w["wpe"]["embedding"][:positions]
        for layer in range(a.n_layers):
            p = jax.tree.map(lambda y, layer=layer: y[layer], w["blocks"])
            x = x + attention(norm(x, p["attn_norm"]), p["attn"])
            y = gelu(linear(norm(x, p["mlp_norm"]), p["mlp"]["up_proj"]))
            x = x + linear(y, p["mlp"]["down_proj"])
        x = norm(x, w["final_norm"])
        return x @ w["wte"]["embedding"].T if a.tie_embeddings else linear(x, w["lm_head"])

    return np.stack([row(ids) for ids in tokens])


@pytest.mark.parametrize(
    "options",
    [
        {"rope": True, "n_kv_head": 2, "tie_embeddings": True},
        {"rope": False, "bias": False, "intermediate_size": 40},
        {"rope": True, "rope_theta": 500.0, "n_kv_head": 1, "remat": "names"},
    ],
    ids=str,
)
def test_logits_are_those_of_the_definition(options: dict[str, Any], float64: None) -> None:
    spec = make_spec(architecture=options)
    model = in_float64(model_of(spec))
    variables = variables_of(model)
    tokens = np.random.default_rng(1).integers(0, spec.architecture.vocab_size, (2, 11))
    logits = jax.jit(model.apply)(variables, tokens)
    assert logits.dtype == jnp.float64
    np.testing.assert_allclose(logits, reference_logits(spec.architecture, variables["params"], tokens), atol=1e-12)


@pytest.mark.parametrize("rope", [True, False])
def test_later_tokens_do_not_change_earlier_logits(rope: bool) -> None:
    spec = make_spec(architecture={"rope": rope})
    model = model_of(spec)
    variables, apply = variables_of(model), jax.jit(model.apply)
    tokens = np.random.default_rng(2).integers(0, 61, (2, 12))
    changed = np.concatenate([tokens[:, :7], (tokens[:, 7:] + 1) % 61], axis=1)
    before, after = (np.asarray(apply(variables, ids)) for ids in (tokens, changed))
    assert (before[:, :7] == after[:, :7]).all()
    assert (before[:, 7:] != after[:, 7:]).any(axis=-1).all()


def test_logits_of_16_bit_activations_are_float32() -> None:
    spec = make_spec(architecture={"dtype": {"activation": "bfloat16"}})
    model = model_of(spec)
    shape = jax.eval_shape(model.init_with_output, jax.random.key(0), jnp.zeros((2, 5), jnp.int32))
    assert shape[0].dtype == jnp.float32
    assert shape[0].shape == (2, 5, 61)


def test_dropout_acts_in_training_only() -> None:
    model = model_of(make_spec(architecture={"dropout": 0.5}))
    variables, tokens = variables_of(model), jnp.zeros((1, 4), jnp.int32)

    @partial(jax.jit, static_argnums=0)
    def hidden(deterministic: bool, key: jax.Array) -> jax.Array:
        return model.apply(variables, tokens, deterministic=deterministic, rngs={"dropout": key}, method="hidden")

    first, second = jax.random.split(jax.random.key(0))
    assert (hidden(True, first) == hidden(True, second)).all()
    assert (hidden(False, first) != hidden(False, second)).any()
