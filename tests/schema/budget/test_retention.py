"""Retention keeps the newest, the best of each phase and the ends of phases, and prunes the rest."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runner.checkpoint.scores import read_scores, write_scores
from schema.budget.retention import Retention

SCORES = {3: ("full", 2.0), 6: ("full", 1.5), 9: ("full", 1.7), 12: ("lora", 1.9), 15: ("lora", 1.9)}


def test_the_newest_stay() -> None:
    assert Retention(2, 0, ()).kept([3, 6, 9, 12], {}) == {9, 12}


def test_the_ends_of_phases_stay() -> None:
    assert Retention(1, 0, (6, 40)).kept([3, 6, 9, 12], {}) == {6, 12}


def test_the_best_of_each_phase_stay_the_later_of_equals() -> None:
    assert Retention(1, 1, ()).kept([3, 6, 9, 12, 15, 18], SCORES) == {6, 15, 18}
    assert Retention(1, 2, ()).kept([3, 6, 9, 12, 15, 18], SCORES) == {6, 9, 12, 15, 18}


def test_a_best_one_that_is_gone_takes_no_place() -> None:
    assert Retention(1, 1, ()).kept([3, 9, 18], SCORES) == {9, 18}


@given(st.sets(st.integers(1, 50)), st.integers(1, 4), st.integers(0, 3))
def test_the_newest_is_never_pruned(steps: set[int], newest: int, best: int) -> None:
    kept = Retention(newest, best, ()).kept(steps, SCORES)
    assert kept <= steps
    assert not steps or max(steps) in kept


def test_scores_outlive_the_process_and_damage_is_no_obstacle(tmp_path: Path) -> None:
    assert read_scores(tmp_path) == {}
    (tmp_path / "6").mkdir()
    write_scores(tmp_path, {3: ("full", 2.0), 6: ("full", 1.5), 9: ("full", 1.7)})
    assert read_scores(tmp_path) == {6: ("full", 1.5), 9: ("full", 1.7)}  # 9 is being written
    (tmp_path / "scores.json").write_text("{")
    assert read_scores(tmp_path) == {}
