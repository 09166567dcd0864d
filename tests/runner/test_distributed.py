"""What follows a step is a function of what is planned and of what each process knows."""

from __future__ import annotations

from itertools import product
from typing import Any

import jax
import pytest

import runner.distributed
from runner.distributed import Decision, Facts, Planned, decide, least_memory, stops, writes

PLAIN, ASKED, DUE = Facts(), Facts(stop_asked=True), Facts(save_due=True)
# What is planned, what this process knows → save, score, stop.
TABLE = [
    (Planned(), PLAIN, (False, False, False)),
    (Planned(save=True), PLAIN, (True, False, False)),
    (Planned(score=True), PLAIN, (False, True, False)),
    (Planned(save=True, score=True), PLAIN, (True, True, False)),
    (Planned(), DUE, (True, False, False)),
    (Planned(score=True), DUE, (True, True, False)),
    (Planned(), ASKED, (True, False, True)),
    (Planned(save=True), ASKED, (True, False, True)),
    (Planned(score=True), ASKED, (True, False, True)),  # who resumes there scores it first
    (Planned(save=True, saved=True), PLAIN, (False, False, False)),
    (Planned(saved=True), DUE, (False, False, False)),
    (Planned(saved=True), ASKED, (False, False, True)),
]


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What other processes say, after this one."""
    say: list[Any] = []
    monkeypatch.setattr(runner.distributed, "gathered", lambda fact: [fact, *say])
    return say


@pytest.mark.parametrize(("planned", "facts", "expected"), TABLE)
def test_a_decision_is_that_of_the_table(planned: Planned, facts: Facts, expected: tuple[bool, bool, bool]) -> None:
    decision = decide(planned, facts)
    assert (decision.save, decision.score, decision.stop) == expected


@pytest.mark.parametrize(("save", "score", "saved", "due"), [*product([False, True], repeat=4)])
def test_a_run_that_stops_has_its_step_saved_and_does_not_score(
    save: bool, score: bool, saved: bool, due: bool
) -> None:
    decision = decide(Planned(save, score, saved), Facts(stop_asked=True, save_due=due))
    assert decision == Decision(usual_loss=None, save=not saved, score=False, stop=True)


def test_a_spike_is_told_and_changes_nothing_else() -> None:
    assert decide(Planned(), Facts(usual_loss=2.0)) == Decision(usual_loss=2.0, save=False, score=False, stop=False)


@pytest.mark.parametrize("facts", [ASKED, DUE])
def test_what_one_process_knows_all_act_on(facts: Facts, others: list[Any]) -> None:
    others.append(facts)
    here = decide(Planned(score=True), PLAIN)
    others[:] = [PLAIN]
    assert here == decide(Planned(score=True), facts)


def test_all_processes_warn_of_the_spike_that_the_first_has_seen(others: list[Any]) -> None:
    others.append(Facts(usual_loss=3.0))
    assert decide(Planned(), Facts(usual_loss=2.0)).usual_loss == 2.0
    assert decide(Planned(), PLAIN).usual_loss is None


def test_one_process_that_is_asked_to_stop_breaks_off_what_takes_long(others: list[Any]) -> None:
    assert [stops(False), stops(True)] == [False, True]
    others.append(True)
    assert stops(False)


def test_the_smallest_memory_counts(others: list[Any]) -> None:
    assert (least_memory(None), least_memory(5)) == (None, 5)
    others.extend([3, None])
    assert (least_memory(None), least_memory(5)) == (3, 3)


@pytest.mark.parametrize("process", [0, 1])
def test_the_first_process_writes(process: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "process_index", lambda: process)
    assert writes() is (process == 0)
