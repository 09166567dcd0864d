"""The loop with a cache says what the model says without one, and what Transformers says of the same weights."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from runner.failure import ExitCode, Failure
from runner.generation import decode
from runner.generation.decode import generate
from runner.generation.sampling import SamplingParams
from runner.generation.target import scale_adapters
from runner.models import Cache, Decoder, empty_cache
from runner.weights.pretrained import load_pretrained
from tests.runner.generation import transformers_greedy as greedily
from tests.runner.models.test_decoder import variables_of
from tests.runner.tiny_run import in_float64, make_spec, model_of
from tests.runner.weights import transformers_models as theirs
from tests.runner.weights.model_folders import write_tensors

GREEDY = SamplingParams(temperature=0.0)
SOME = ("llama3", "qwen3")  # whose parts the others have too: those are compared where torch is
SHAPES: dict[str, dict[str, Any]] = {
    "rotary": {"n_kv_head": 2},
    "learned positions": {"rope": False, "tie_embeddings": True},
}
PROMPT = [3, 1, 4, 1, 5]


@cache
def model_and_variables(shape: str) -> tuple[Decoder, dict[str, Any]]:
    """A random model with a context of 24 tokens; without biases, and with large matrices, it varies what it says."""
    model = model_of(make_spec(architecture={**SHAPES[shape], "block_size": 24, "remat": "none"}))

    def change(path: Any, w: jax.Array) -> jax.Array:
        name = path[-1].key
        return jnp.ones_like(w) if name == "scale" else 0 * w if name == "bias" else 2 * w

    return model, jax.tree_util.tree_map_with_path(change, variables_of(model))


def with_adapters(variables: dict[str, Any]) -> dict[str, Any]:
    """The same, with random adapters on each matrix of attention."""
    random = np.random.default_rng(4)
    kernels = {name: each["kernel"] for name, each in variables["params"]["blocks"]["attn"].items() if "kernel" in each}

    def tree(size: float, shape: Any) -> Any:
        leaves = {
            name: {"kernel": jnp.asarray(size * random.normal(size=shape(w.shape)), w.dtype)}
            for name, w in kernels.items()
        }
        return {"blocks": {"attn": leaves}}

    a, b = tree(1.0, lambda shape: (*shape[:2], 4)), tree(0.5, lambda shape: (shape[0], 4, shape[2]))
    return {**variables, "lora_A": a, "lora_B": b}


def recomputed(model: Decoder, variables: Any, prompt: list[int], tokens: int) -> list[int]:
    """The likeliest ids that follow, each from the logits of everything before it."""
    apply, ids, room = jax.jit(model.apply), list(prompt), model.options.block_size
    for _ in range(tokens):
        padded = np.zeros((1, room), np.int32)
        padded[0, : len(ids)] = ids
        ids.append(int(np.argmax(apply(variables, padded)[0, len(ids) - 1])))
    return ids[len(prompt) :]


def test_greedy_output_is_that_of_recomputing_everything() -> None:
    model, variables = model_and_variables("learned positions")
    found = list(generate(model, variables, PROMPT, GREEDY, max_tokens=99))
    assert found == recomputed(model, variables, PROMPT, 19)
    assert len(set(found)) > 3  # it is no test of a model that repeats itself


def test_logits_with_a_cache_are_those_without(float64: None) -> None:
    model, variables = model_and_variables("rotary")
    model, variables = in_float64(model), jax.tree.map(lambda w: w.astype(jnp.float64), variables)

    @jax.jit
    def extend(tokens: jax.Array, cached: Cache) -> tuple[jax.Array, Cache]:
        hidden, cached = model.apply(variables, tokens, cached, method="extend")
        return model.apply(variables, hidden, method="head"), cached

    tokens = np.random.default_rng(1).integers(0, 61, (2, 14), np.int32)
    wanted, cached = jax.jit(model.apply)(variables, tokens), empty_cache(model.options, 2, 24)
    for start, end in pairwise([0, 6, 12, 13, 14]):  # a prompt, several tokens at once, and one after the other
        logits, cached = extend(tokens[:, start:end], cached)
        np.testing.assert_allclose(logits, wanted[:, start:end], atol=1e-10)
    assert cached.keys.shape == (2, 2, model.options.n_kv_head, 24, 8)
    assert cached.filled.tolist() == [14, 14]


def test_a_cache_has_the_type_of_the_activations() -> None:
    model = model_of(make_spec(architecture={"dtype": {"activation": "bfloat16"}}))
    assert {leaf.dtype.name for leaf in empty_cache(model.options, 1, 4)[:2]} == {"bfloat16"}


@pytest.mark.parametrize("name", SOME)
def test_greedy_output_is_that_of_transformers(name: str, tmp_path: Path) -> None:
    assert said(name, tmp_path) == json.loads(greedily.GOLDEN.read_text())[name]


def said(name: str, folder: Path) -> list[int]:
    """What our loop says with the folder that Transformers would have written."""
    case, (golden, _) = theirs.CASES[name], theirs.golden(name)
    tensors = theirs.weights_of(golden["shapes"], case.bfloat16)
    if case.bfloat16:
        tensors = {key: array.astype(ml_dtypes.bfloat16) for key, array in tensors.items()}
    model, variables = load_pretrained(write_tensors(folder / "model", golden["configs"]["5"], tensors, case.shards))
    return list(generate(model, variables, greedily.prompt_of(name), GREEDY, max_tokens=greedily.NEW))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of that library's own
@pytest.mark.parametrize("name", theirs.CASES)
def test_the_goldens_are_what_transformers_says(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="pip install '.[peers]' to compare with them")
    pytest.importorskip("transformers")
    assert greedily.generated(name) == json.loads(greedily.GOLDEN.read_text())[name] == said(name, tmp_path)


def test_a_seed_says_the_same_again_and_another_one_something_else() -> None:
    model, variables = model_and_variables("rotary")

    def drawn(seed: int, max_tokens: int = 8) -> list[int]:
        return list(generate(model, variables, PROMPT, SamplingParams(3.0, seed=seed), max_tokens=max_tokens))

    assert drawn(0) == drawn(0) != drawn(1)
    assert drawn(0, 3) == drawn(0)[:3]  # the length that was allowed changes nothing


def test_few_programs_are_compiled() -> None:
    """Prompts of 1 to 16 tokens share a program, and so do longer ones; further tokens have one for each cache."""
    model, variables = model_and_variables("rotary")
    before = decode._read._cache_size(), decode._step._cache_size()
    for length, max_tokens in ((1, 2), (2, 8), (7, 3), (16, 8), (12, 10), (3, 20)):
        said = generate(model, variables, [1] * length, GREEDY, max_tokens=max_tokens)
        assert len(list(said)) == min(max_tokens, 24 - length)
    after = decode._read._cache_size(), decode._step._cache_size()
    assert (after[0] - before[0], after[1] - before[1]) <= (2, 2)


def test_it_ends_before_a_stop_token_and_where_the_context_is_full() -> None:
    model, variables = model_and_variables("rotary")
    said = list(generate(model, variables, PROMPT, GREEDY, max_tokens=99))
    assert len(said) == 24 - len(PROMPT)
    stop = said[4]
    assert list(generate(model, variables, PROMPT, GREEDY, max_tokens=99, stop=[stop])) == said[: said.index(stop)]
    assert list(generate(model, variables, PROMPT, GREEDY, max_tokens=1)) == said[:1]


def test_adapters_scaled_by_0_are_the_base_and_by_1_what_they_are() -> None:
    model, variables = model_and_variables("rotary")
    adapted = with_adapters(variables)
    base, whole, none, same = (
        list(generate(model, each, PROMPT, GREEDY, max_tokens=19))
        for each in (variables, adapted, scale_adapters(adapted, 0.0), scale_adapters(adapted, 1.0))
    )
    assert base == none
    assert whole == same != base
    assert whole == recomputed(model, adapted, PROMPT, 19)


@pytest.mark.parametrize(
    ("prompt", "max_tokens", "says"),
    [
        ([], 9, "the prompt is empty; write some text"),
        ([1] * 24, 9, "the prompt has 24 tokens, and the model's context is 24 with the answer; write a shorter one"),
        ([1, 61], 9, "the prompt has the id 61, and the model's vocabulary is 0 … 60; encode it with the model's own"),
        ([1, -1], 9, "the prompt has the id -1"),
        ([1], 0, "max_tokens is 0; write a whole number from 1"),
    ],
)
def test_what_can_not_be_answered_is_refused_at_once(prompt: list[int], max_tokens: int, says: str) -> None:
    with pytest.raises(Failure, match=says) as caught:
        generate(*model_and_variables("rotary"), prompt, max_tokens=max_tokens)
    assert caught.value.exit_code == ExitCode.INVALID
