"""Tokens, steps and rows: integer arithmetic that neither drifts nor loses a row."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from schema.budget.stages import (
    AskedStage,
    Plain,
    asked_stages,
    compile_stages,
    nearest_steps,
    one_budget,
    rows_before,
    share_of_steps,
    shares,
)

rates = st.lists(st.integers(1, 50), min_size=1, max_size=5)


@settings(max_examples=60)
@given(rates, st.integers(0, 120))
def test_the_rows_of_every_prefix_meet_the_rates(weights: list[int], row: int) -> None:
    exact = [Fraction(weight, sum(weights)) for weight in weights]
    allowed = 1 + Fraction(max(0, len(exact) - 2), 2)
    counts, following = rows_before(exact, row), rows_before(exact, row + 1)
    assert sum(counts) == row
    assert sorted(after - before for before, after in zip(counts, following, strict=True)) == [0] * (len(exact) - 1) + [
        1
    ]
    for share, count in zip(exact, counts, strict=True):
        assert abs(count - share * row) <= allowed


@settings(max_examples=100)
@given(st.lists(st.integers(1, 10**7), max_size=4), st.lists(st.integers(1, 10**7), max_size=4), st.integers(1, 10**5))
def test_stages_follow_each_other_and_no_boundary_is_off_by_more_than_half_a_step(
    pre: list[int], post: list[int], step: int
) -> None:
    training = SimpleNamespace(
        tokens=1,
        dataset=[],
        pre_lora_tokens=pre,
        pre_lora_dataset=[[]] * len(pre),
        post_lora_tokens=post,
        post_lora_dataset=[[]] * len(post),
    )
    found = compile_stages(asked_stages(training, {"pre_lora_tokens"}), lambda _: Plain(step))
    asked = start = 0
    for stage, tokens in zip(found, pre + post, strict=True):
        asked += tokens
        assert stage.start == start
        assert stage.end >= stage.start
        assert abs(2 * (stage.end * step - asked)) <= step
        start = stage.end
    assert [stage.phase for stage in found] == ["full"] * len(pre) + ["lora"] * len(post)


@settings(max_examples=100)
@given(st.integers(1, 999), st.integers(1, 10**6))
def test_a_share_of_steps_is_the_nearest_integer(thousandths: int, steps: int) -> None:
    share = thousandths / 1000
    assert abs(share_of_steps(share, steps) - Fraction(thousandths, 1000) * steps) <= Fraction(1, 2)


@settings(max_examples=100)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(0, 60), st.none() | st.integers(1, 20))
def test_the_nearest_steps_are_those_of_a_search(taken: list[int], wanted: int, most: int | None) -> None:
    """Steps take as much as these numbers say, again and again; the last of them takes something."""
    cycle = [*taken, 5]

    def of_first(steps: int) -> int:
        whole, rest = divmod(steps, len(cycle))
        return whole * sum(cycle) + sum(cycle[:rest])

    found = nearest_steps(of_first, wanted, most)
    tried = range(min(most, 600) + 1 if most is not None else 600)
    assert abs(of_first(found) - wanted) == min(abs(of_first(steps) - wanted) for steps in tried)
    assert most is None or found <= most


class ThreeSteps(Plain):
    """A stage of which web ends after three steps."""

    def most(self, wanted: int) -> int | None:
        return 3

    def scarce(self, most: int) -> str:
        return "web"


def test_a_stage_that_data_end_is_not_made_up_for_by_the_next() -> None:
    def measure(stage: AskedStage) -> Plain:
        return ThreeSteps(10) if stage.index == 0 else Plain(10)

    stages = [AskedStage("full", "pre_lora_tokens", index, tokens, []) for index, tokens in enumerate((95, 52, 54))]
    found = compile_stages(stages, measure)
    assert [(stage.start, stage.end, stage.planned, stage.ended_by) for stage in found] == [
        (0, 3, 30, "web"),
        (3, 8, 50, ""),
        (8, 14, 60, ""),
    ]
    exact = compile_stages([AskedStage("full", "tokens", 0, 30, [])], measure)  # its last row is its last step
    assert [(stage.end, stage.ended_by) for stage in exact] == [(3, "")]


def test_rates_mean_the_decimal_numbers_as_written() -> None:
    assert shares([0.1, 0.2, 0.7]) == (Fraction(1, 10), Fraction(1, 5), Fraction(7, 10))
    assert sum(shares([0.3, 0.3, 0.3])) == 1


def test_one_budget_decides_only_where_no_phase_is_written() -> None:
    assert one_budget({"tokens", "batch_size"})
    assert not one_budget({"batch_size"})
    assert not one_budget({"tokens", "post_lora_tokens"})
