"""The steps of events: those of a list, in ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.budget.event_steps import event_steps

INTERVALS = st.one_of(st.integers(1, 9), st.just("never"))


@given(INTERVALS, st.integers(1, 40), st.integers(0, 40), st.booleans())
def test_event_steps_are_those_of_a_list(interval: int | str, first: int, more: int, from_first: bool) -> None:
    last = first + more
    regular = [step for step in range(first, last + 1) if isinstance(interval, int) and step % interval == 0]
    wanted = sorted({*regular, last, *([first] if from_first else [])})
    found = event_steps(interval, first, last, from_first)
    assert list(found) == wanted == [found[number] for number in range(len(found))]
    assert [step for step in range(last + 9) if step in found] == wanted
    with pytest.raises(IndexError):
        found[len(found)]


@given(INTERVALS, st.integers(1, 40), st.integers(-1, 40), st.integers(0, 90), st.booleans())
def test_those_after_a_step_are_the_rest_of_the_list(
    interval: int | str, first: int, more: int, step: int, from_first: bool
) -> None:
    found = event_steps(interval, first, first + more, from_first)
    rest = [each for each in found if each > step]
    assert list(found.after(step)) == rest
    assert found.after(step).number == len(rest)


def test_a_phase_without_a_step_has_no_event() -> None:
    assert list(event_steps(5, 21, 20, from_first=True)) == []


def test_more_steps_than_a_machine_word_holds_are_counted() -> None:
    assert event_steps(3, 1, 10**30).number == 10**30 // 3 + 1
