"""The order of rows: a permutation for every size and epoch, mixed well, at a cost that depends on neither."""

from __future__ import annotations

from math import factorial

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data import permutation
from runner.data.permutation import MOST_ROWS, Words, order_key, shuffled

KEY = order_key(7, "x")
POWERS = (2**10, 2**13, 4**6, 4**8, 10**5)


def epochs(rows: int, count: int, key: Words = KEY) -> npt.NDArray[np.int64]:
    """The first epochs, (count, rows)."""
    return shuffled(np.arange(count * rows), rows, key).reshape(count, rows)


def surprise(counts: npt.NDArray[np.int64]) -> float:
    """By how many standard deviations the chi-square of counts that should be equal is above its mean."""
    freedom, expected = len(counts) - 1, counts.mean()
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / (2 * freedom) ** 0.5)


def test_each_epoch_of_every_small_size_is_a_permutation() -> None:
    for rows in range(1, 601):
        assert (np.sort(epochs(rows, 2)) == np.arange(rows)).all(), rows


@pytest.mark.parametrize("rows", [power + near for power in POWERS for near in (-1, 0, 1)])
def test_each_epoch_around_powers_is_a_permutation(rows: int) -> None:
    first, second = epochs(rows, 2)
    assert (np.bincount(first, minlength=rows) == 1).all()
    assert (np.bincount(second, minlength=rows) == 1).all()
    assert (first == second).mean() < 0.01


@given(st.integers(1, MOST_ROWS), st.integers(0, 2**32 - 1), st.data())
@settings(max_examples=100)
def test_positions_of_an_epoch_have_rows_of_their_own_at_any_size(rows: int, seed: int, data: st.DataObject) -> None:
    epoch = data.draw(st.integers(0, 2**62 // rows))
    places = data.draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=50, unique=True))
    found = shuffled(np.array(places) + epoch * rows, rows, order_key(seed, "x"))
    assert len(set(found.tolist())) == len(places)
    assert ((found >= 0) & (found < rows)).all()


def test_a_row_does_not_depend_on_the_rows_asked_with_it() -> None:
    whole = shuffled(np.arange(500), 77, KEY)
    assert [int(shuffled(np.array([position]), 77, KEY)[0]) for position in range(500)] == whole.tolist()


def test_orders_differ_by_seed_name_and_epoch() -> None:
    keys = [order_key(seed, name) for seed in range(20) for name in ("a", "b", "a_b")]
    orders = {tuple(epoch.tolist()) for key in keys for epoch in epochs(100, 3, key)}
    assert len(orders) == 3 * len(keys)


@pytest.mark.parametrize("rows", [2, 3, 4, 5, 6])
def test_all_orders_of_a_few_rows_come_equally_often(rows: int) -> None:
    found = epochs(rows, 40_000)
    _, counts = np.unique(found @ rows ** np.arange(rows), return_counts=True)
    assert len(counts) == factorial(rows)
    assert surprise(counts) < 4  # a fixed key: this is one number, 4 would be 1 in 10,000 by chance


@pytest.mark.parametrize("rows", [10, 257, 1000])
def test_the_first_row_of_an_epoch_is_any_row_equally_often(rows: int) -> None:
    first = shuffled(np.arange(50_000) * rows, rows, KEY)
    by_key = np.array([shuffled(np.zeros(1, int), rows, order_key(seed, "x"))[0] for seed in range(1500)])
    assert surprise(np.bincount(first, minlength=rows)) < 4
    assert surprise(np.bincount(by_key * 10 // rows, minlength=10)) < 4


@pytest.mark.parametrize("rows", [1000, 10**6, 10**12, 2**40])
def test_neighbours_in_an_epoch_are_strangers_in_the_store(rows: int) -> None:
    found = shuffled(np.arange(min(rows, 100_000)), rows, KEY) / rows
    # of uniform numbers: mean distance 1/3, correlation 0, each within five of its standard errors
    error = len(found) ** -0.5
    assert abs(np.abs(np.diff(found)).mean() - 1 / 3) < 5 * 0.24 * error
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 5 * error
    assert abs(np.corrcoef(found, np.arange(len(found)))[0, 1]) < 5 * error


@pytest.mark.parametrize("rows", [1, 2, 3, 17, 2**16 + 1, 10**12, 2**40 + 1, MOST_ROWS])
def test_a_row_costs_two_walks_at_most_on_average_at_any_size(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    walked = []
    encrypt = permutation._encrypt

    def counting(values: Words, seeds: Words, size: int) -> Words:
        walked.append(len(values))
        return encrypt(values, seeds, size)

    monkeypatch.setattr(permutation, "_encrypt", counting)
    shuffled(np.arange(10_000) % rows, rows, KEY)
    assert sum(walked) <= 2.1 * 10_000
    assert rows < 2**16 or sum(walked) <= 1.02 * 10_000


@pytest.mark.parametrize("rows", [0, MOST_ROWS + 1])
def test_sizes_beyond_the_arithmetic_are_refused(rows: int) -> None:
    with pytest.raises(ValueError, match="1 to 2"):
        shuffled(np.zeros(1, int), rows, KEY)
