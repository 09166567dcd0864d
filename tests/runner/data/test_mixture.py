"""The mixture of a stage: what each dataset gives to a window, computed as arrays and equal to exact fractions."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.mixture import MixtureEntry, draw
from schema.budget.stages import rows_before


class Numbered:
    """Rows of which nothing but their number is asked."""

    dataset, block_size, pad, remarks, lost = "x", 4, 0, (), SimpleNamespace()

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return self.rows


def entries(weights: list[int], rows: int = 10) -> list[MixtureEntry]:
    return [
        MixtureEntry(f"d{number}", Numbered(rows), Fraction(weight, sum(weights)), first_row=number)  # type: ignore[arg-type]
        for number, weight in enumerate(weights)
    ]


# Rates of 17 digits make denominators beyond 64 bits.
weights = st.lists(st.one_of(st.integers(1, 50), st.integers(1, 10**30)), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(weights, st.integers(0, 10**15), st.integers(1, 60))
def test_a_window_is_what_exact_fractions_give_row_by_row(weights: list[int], first: int, rows: int) -> None:
    parts = entries(weights)
    exact = [part.share for part in parts]
    drawn = draw(parts, 0, first, rows)
    for place in range(rows):
        before, after = rows_before(exact, first + place), rows_before(exact, first + place + 1)
        (number,) = (number for number in range(len(parts)) if after[number] > before[number])
        found = [number for number, each in enumerate(drawn) if place in each.places]
        assert found == [number]
    for part, each, before in zip(parts, drawn, rows_before(exact, first), strict=True):
        assert each.first == part.first_row + before


def test_a_whole_stage_is_its_steps_one_after_the_other() -> None:
    parts = entries([9, 3, 1], rows=7)
    whole = draw(parts, 3, 0, 96)
    steps = [draw(parts, 3, first, 8) for first in range(0, 96, 8)]
    for number, each in enumerate(whole):
        assert each.numbers.tolist() == np.concatenate([step[number].numbers for step in steps]).tolist()
        assert each.places.tolist() == [
            place + 8 * step for step, drawn in enumerate(steps) for place in drawn[number].places.tolist()
        ]
