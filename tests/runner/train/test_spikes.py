"""A loss that stands far above those before it is told; a falling or noisy curve is not."""

from __future__ import annotations

from math import nan

from hypothesis import given
from hypothesis import strategies as st

from runner.train.spikes import LEAST, WINDOW, Spikes


def looked(losses: list[float]) -> list[float | None]:
    spikes = Spikes()
    return [spikes.look(loss) for loss in losses]


def test_a_spike_is_told_with_the_level_before_it() -> None:
    assert looked([2.0, 2.1, 1.9, 2.0, 2.2, 1.8, 2.0, 2.1, 5.0])[-1] == 2.0


def test_the_first_reports_say_nothing() -> None:
    assert looked([1.0] * (WINDOW // 2 - 1) + [9.0]) == [None] * (WINDOW // 2)


@given(st.lists(st.floats(-LEAST / 2, LEAST / 2), min_size=1, max_size=60))
def test_noise_is_no_spike(noise: list[float]) -> None:
    assert set(looked([3.0 + each for each in noise])) == {None}


@given(st.lists(st.floats(0, 10), max_size=60))
def test_a_falling_curve_has_none(losses: list[float]) -> None:
    assert set(looked(sorted(losses, reverse=True))) <= {None}


def test_what_is_no_number_is_not_remembered() -> None:
    assert looked([2.0] * WINDOW + [nan] * WINDOW + [2.0, 9.0])[-2:] == [None, 2.0]
