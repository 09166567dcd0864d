"""`architecture/remat`: what a block keeps is what is declared, and it changes no number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from runner.lora.state import lora_state_shape
from runner.models import Decoder
from runner.state import boxed_parameters
from schema.families import Activation, kept_activations, unnamed_activations
from schema.spec import Spec
from tests.runner.tiny_run import make_spec, model_of

ROWS = 3
SETTINGS = ("none", "names", "full")
VARIANTS = [{"rope": True, "n_kv_head": 2, "intermediate_size": 40}, {"rope": False, "bias": False}]
TARGETS = ["attn", "down_proj"]


def spec_of(remat: str, dropout: float = 0.0, **architecture: Any) -> Spec:
    return make_spec(
        architecture={**architecture, "remat": remat, "dropout": dropout},
        lora={"target_modules": TARGETS, "rank": 3, "dropout": dropout},
    )


def filled(shapes: Any, seed: int) -> Any:
    random = np.random.default_rng(seed)
    return jax.tree.map(lambda w: jnp.asarray(0.3 * random.normal(size=w.shape), w.dtype), nn.meta.unbox(shapes))


def variables_of(model: Decoder, spec: Spec, phase: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Random variables that a phase trains, and those that it does not."""
    params = filled(jax.eval_shape(lambda key: boxed_parameters(model, key), jax.random.key(0)), seed=1)
    if phase == "full":
        return {"params": params}, {}
    return filled(lora_state_shape(model, spec).params, seed=2), {"params": params}


def gradient(spec: Spec, phase: str) -> Any:
    """A function of the trained variables, and those: a weighted sum of the output and its gradient."""
    model = model_of(spec)
    trained, frozen = variables_of(model, spec, phase)
    a = spec.architecture
    tokens = np.random.default_rng(5).integers(0, a.vocab_size, (ROWS, a.block_size), np.int32)
    weights = np.random.default_rng(6).normal(size=(ROWS, a.block_size, a.n_embd)).astype(np.float32)

    def loss(trained: Any) -> jax.Array:
        rngs = {"dropout": jax.random.key(7)}
        hidden = model.apply(trained | frozen, tokens, deterministic=False, rngs=rngs, method="hidden")
        return jnp.mean(weights * hidden)

    return jax.value_and_grad(loss), trained


@pytest.mark.parametrize(("phase", "variant"), [("full", VARIANTS[0]), ("lora", VARIANTS[1])], ids=str)
def test_losses_and_gradients_are_the_same_with_each_setting_dropout_included(
    phase: str, variant: dict[str, Any]
) -> None:
    found = {}
    for remat in SETTINGS:
        function, trained = gradient(spec_of(remat, dropout=0.3, **variant), phase)
        found[remat] = jax.jit(function)(trained)
    loss, gradients = found["none"]
    # The same operations in another order of fusion: float32 rounds the last of its 7 digits differently.
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradients))
    assert scale > 0
    for remat in ("names", "full"):
        np.testing.assert_allclose(found[remat][0], loss, rtol=1e-6)
        jax.tree.map(
            lambda one, other: np.testing.assert_allclose(one, other, rtol=0, atol=1e-6 * scale),
            found[remat][1],
            gradients,
        )


def scans(jaxpr: Any) -> Iterator[Any]:
    """All scans of a jaxpr, however deep."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            yield equation
        for parameter in equation.params.values():
            for inner in parameter if isinstance(parameter, tuple | list) else [parameter]:
                if hasattr(inner, "jaxpr"):
                    yield from scans(inner.jaxpr)
                elif hasattr(inner, "eqns"):
                    yield from scans(inner)


def kept_bytes(spec: Spec, phase: str) -> int:
    """Bytes that the forward scan over layers hands to the backward one, but for stacks of weights."""
    function, trained = gradient(spec, phase)
    forward, *_ = scans(jax.make_jaxpr(function)(trained).jaxpr)
    stacked = [variable.aval for variable in forward.outvars[forward.params["num_carry"] :]]
    tokens = ROWS * spec.architecture.block_size
    return sum(x.size * x.dtype.itemsize for x in stacked if tokens in x.shape or ROWS in x.shape)


def declared(activations: tuple[Activation, ...], spec: Spec) -> int:
    a = spec.architecture
    return a.n_layers * ROWS * a.block_size * sum(4 * each.features for each in activations)


@pytest.mark.parametrize("phase", ["full", "lora"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_block_keeps_its_input_and_what_is_declared(phase: str, variant: dict[str, Any]) -> None:
    spec = spec_of("names", **variant)
    a, lora = spec.architecture, spec.optimization.lora
    block_input = (Activation("input", a.n_embd, "norm"),)
    named = kept_activations(a, lora.target_modules if phase == "lora" else (), lora.rank)
    assert kept_bytes(spec, phase) == declared((*block_input, *named), spec)
    assert kept_bytes(spec_of("full", **variant), phase) == declared(block_input, spec)


@pytest.mark.parametrize("phase", ["full", "lora"])
@pytest.mark.parametrize("family", ["gpt", "llama", "qwen3"])
def test_what_autodiff_keeps_is_what_its_family_says(family: str, phase: str) -> None:
    head = {} if family == "gpt" else {"head_dim": 10, "intermediate_size": 50}
    spec = spec_of("none", family=family, n_kv_head=4, rope=True, **head)
    a, lora = spec.architecture, spec.optimization.lora
    named = kept_activations(a, lora.target_modules if phase == "lora" else (), lora.rank)
    others = unnamed_activations(a, "full" if phase == "full" else "lora")
    of_features = declared((Activation("input", a.n_embd, "norm"), *named, *others), spec)
    scores = 2 * a.n_layers * ROWS * a.n_head * a.block_size**2 * 4
    # Means and scales of norms, and sums of the softmax, are one number a token or a head.
    assert kept_bytes(spec, phase) == pytest.approx(of_features + scores, rel=0.05)
