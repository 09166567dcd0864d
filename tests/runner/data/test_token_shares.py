"""Shares of supervised tokens: the order of a stage, met over any window, and what its rows hold."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.mixture import MixtureEntry, draw
from runner.data.styles import RowSizes
from runner.data.token_shares import SizedRows, TokenDraw
from runner.failure import Failure
from schema.budget.stages import rows_before


class Sized:
    """Rows of which nothing but their sizes is asked."""

    def __init__(self, sizes: list[int]) -> None:
        self.supervised = np.array(sizes, np.int64)

    def __len__(self) -> int:
        return len(self.supervised)

    def sizes(self, indices: npt.NDArray[np.int64]) -> RowSizes:
        return RowSizes(self.supervised[indices], self.supervised[indices])


def drawn_of(sizes: list[list[int]], weights: list[int], seed: int = 3, by_tokens: bool = True) -> TokenDraw:
    parts = [
        SizedRows(f"d{number}", Sized(each), number, seed)  # type: ignore[arg-type]
        for number, each in enumerate(sizes)
    ]
    return TokenDraw(parts, [Fraction(weight, sum(weights)) for weight in weights], by_tokens)


def entries_of(stage: TokenDraw, rows: int) -> list[MixtureEntry]:
    """The entries of the loader for the same stage."""
    return [
        MixtureEntry(part.name, part.rows, share, part.first_row, places=places)
        for part, share, places in zip(stage.parts, stage.shares, stage.places(rows), strict=True)
    ]


# Rows without supervised tokens among others; a dataset has at least one that has some.
sizes = st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any)
mixtures = st.lists(st.tuples(sizes, st.integers(1, 20)), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(mixtures, st.integers(0, 200), st.integers(0, 100))
def test_tokens_are_within_a_row_of_their_share_over_every_window(
    mixture: list[tuple[list[int], int]], first: int, rows: int
) -> None:
    stage = drawn_of(*map(list, zip(*mixture, strict=True)))  # type: ignore[arg-type]
    drawn = draw(entries_of(stage, first + rows), 3, first, rows)
    assert sorted(place for each in drawn for place in each.places.tolist()) == list(range(rows))
    taken = [int(part.rows.sizes(each.numbers).supervised.sum()) for part, each in zip(stage.parts, drawn, strict=True)]
    assert sum(taken) == stage.supervised(first + rows) - stage.supervised(first)
    largest = max(max(each) for each, _ in mixture)
    for own, share in zip(taken, stage.shares, strict=True):
        assert abs(own - share * sum(taken)) <= max(1, len(mixture) - 1) * largest


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(1, 90), st.integers(1, 30))
def test_rows_of_one_size_stand_as_with_shares_of_rows(weights: list[int], rows: int, size: int) -> None:
    stage = drawn_of([[size] * (number + 2) for number in range(len(weights))], weights)
    by_rows = draw([MixtureEntry(each.name, each.rows, each.share) for each in entries_of(stage, 0)], 3, 0, rows)
    assert [places.tolist() for places in stage.places(rows)] == [each.places.tolist() for each in by_rows]
    assert stage.counts(rows) == rows_before(stage.shares, rows)


def test_a_stage_is_the_same_however_it_is_asked() -> None:
    """Neither what was asked before nor how far it was merged changes a place."""
    sizes, weights = [[1, 9, 0, 30], [7] * 5, [0, 0, 2]], [3, 5, 1]
    whole = [places.tolist() for places in drawn_of(sizes, weights).places(400)]
    asked = drawn_of(sizes, weights)
    for rows in (3, 17, 18, 390, 12, 400):
        own = [[place for place in places if place < rows] for places in whole]
        assert [places.tolist() for places in asked.places(rows)] == own
        assert asked.counts(rows) == tuple(map(len, own))
    other = [places.tolist() for places in drawn_of(sizes, weights, seed=4).places(400)]
    assert other != whole


def test_a_dataset_of_very_few_supervised_tokens_holds_up_no_other() -> None:
    """Of 200 rows one has a token: it takes many rows to give a tenth of the tokens, and the others come in between."""
    stage = drawn_of([[0] * 199 + [1], [5] * 20], [1, 9])
    rare, usual = stage.counts(20_000)
    assert rare + usual == 20_000
    assert abs(stage.supervised(20_000) - (rare // 200 + 5 * usual)) <= 1
    assert abs(rare / 200 * 9 - 5 * usual) <= 10


def test_supervised_tokens_are_counted_with_shares_of_rows_too() -> None:
    stage = drawn_of([[4], [1, 3]], [1, 1], by_tokens=False)
    assert [stage.supervised(rows) for rows in (0, 1, 2, 4, 8)] == [0, 4, stage.supervised(2), 12, 24]


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(0, 40), st.lists(st.integers(0, 90), min_size=1, max_size=6))
def test_a_sum_over_epochs_is_that_of_its_rows(sizes: list[int], first: int, asked: list[int]) -> None:
    """In any order of questions, and where the rows before are summed already."""
    part, other = (SizedRows("x", Sized(sizes), first, 3) for _ in range(2))  # type: ignore[arg-type]
    for rows in asked:
        assert part.total(rows) == other.ends(rows)[rows] == other.total(rows)


def test_epochs_without_number_are_counted_in_a_moment() -> None:
    stage = drawn_of([[1, 3], [2], [5] * 7], [1, 1, 2], by_tokens=False)
    assert stage.supervised(4 * 10**15) == 10**15 * (2 + 2 + 2 * 5)


@pytest.mark.parametrize(("sizes", "by_tokens"), [([[0, 0], [3]], True), ([[0], [0, 0]], False)])
def test_what_has_no_supervised_token_is_refused(sizes: list[list[int]], by_tokens: bool) -> None:
    with pytest.raises(Failure, match=r"no row of 'd0'.* has a supervised token to count; write"):
        drawn_of(sizes, [1] * len(sizes), by_tokens=by_tokens)
    assert drawn_of([[0, 0], [3]], [1, 1], by_tokens=False).supervised(2) == 3
