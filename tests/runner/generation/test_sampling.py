"""How the next token is chosen: distributions on three numbers, seeds, and refusals."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.failure import ExitCode, Failure
from runner.generation.sampling import SamplingParams, choose, keep_likely

THREE = np.log([0.5, 0.3, 0.2])
KEY = jax.random.key(0)


def kept(params: SamplingParams, logits: Iterable[float] = THREE) -> list[float]:
    """The probabilities by which a token is drawn."""
    found: list[float] = jax.nn.softmax(keep_likely(jnp.asarray([list(logits)], jnp.float32), params))[0].tolist()
    return found


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({}, [0.5, 0.3, 0.2]),
        ({"temperature": 0.5}, [0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38]),
        ({"temperature": 1e-6}, [1, 0, 0]),
        ({"temperature": 1e6}, [1 / 3, 1 / 3, 1 / 3]),
        ({"top_k": 1}, [1, 0, 0]),
        ({"top_k": 2}, [0.625, 0.375, 0]),
        ({"top_k": 9}, [0.5, 0.3, 0.2]),
        ({"top_p": 0.4}, [1, 0, 0]),
        ({"top_p": 0.79}, [0.625, 0.375, 0]),
        ({"top_p": 0.81}, [0.5, 0.3, 0.2]),
        ({"top_p": 1e-9}, [1, 0, 0]),
        ({"top_k": 2, "top_p": 0.6}, [1, 0, 0]),  # of the two that are left, the first has 0.625
        ({"temperature": 0.5, "top_p": 0.66}, [0.25 / 0.34, 0.09 / 0.34, 0]),  # the temperature comes first
    ],
    ids=str,
)
def test_probabilities_are_those_of_the_definition(params: dict[str, float], wanted: list[float]) -> None:
    np.testing.assert_allclose(kept(SamplingParams(**{"temperature": 1.0, **params})), wanted, atol=1e-6)


def test_tokens_as_likely_as_the_last_one_kept_are_kept_too() -> None:
    assert kept(SamplingParams(1.0, top_k=1), [2, 2, 1])[:2] == [0.5, 0.5]
    assert kept(SamplingParams(1.0, top_p=0.1), [2, 2, 1])[:2] == [0.5, 0.5]


def test_temperature_0_takes_the_likeliest_and_the_first_of_equals() -> None:
    greedy = SamplingParams(0.0)
    assert choose(jnp.asarray([[1.0, 3.0, 2.0], [5.0, 1.0, 5.0]]), greedy, KEY).tolist() == [1, 0]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_ids_that_the_tokenizer_lacks_are_never_chosen(temperature: float) -> None:
    params = SamplingParams(temperature, vocabulary=2)
    logits = jnp.asarray([[0.0, 1.0, 99.0]] * 50)
    assert int(choose(logits, params, KEY).max()) == 1


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    rows = jnp.tile(jnp.asarray(THREE, jnp.float32), (20_000, 1))
    counts = np.bincount(choose(rows, SamplingParams(1.0), KEY), minlength=3) / 20_000
    np.testing.assert_allclose(counts, [0.5, 0.3, 0.2], atol=0.01)


@settings(max_examples=50)
@given(
    st.lists(st.floats(-30, 30, width=32), min_size=4, max_size=4),
    st.floats(0.01, 5),
    st.integers(1, 4),
    st.floats(0.05, 1),
)
def test_what_is_kept_are_the_likeliest_and_never_none(
    logits: list[float], temperature: float, top_k: int, top_p: float
) -> None:
    found = np.asarray(keep_likely(jnp.asarray([logits]), SamplingParams(temperature, top_k, top_p)))[0]
    alive = np.isfinite(found)
    assert alive[int(np.argmax(logits))]
    assert all(logits[a] >= logits[b] for a in np.flatnonzero(alive) for b in np.flatnonzero(~alive))


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"temperature": -1.0}, "temperature is -1.0; write a number from 0"),
        ({"temperature": float("nan")}, "temperature is nan; write a number from 0"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"top_k": 0}, "top_k is 0; write a whole number from 1"),
        ({"top_p": 0.0}, "top_p is 0.0; write a number above 0, at most 1"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"seed": -1}, "seed is -1; write a whole number from 0 to 4294967295"),
    ],
    ids=str,
)
def test_numbers_out_of_range_are_refused(params: dict[str, float], says: str) -> None:
    with pytest.raises(Failure, match=says) as caught:
        SamplingParams(**params)
    assert caught.value.exit_code == ExitCode.INVALID
