"""Each schedule against optax's pieces, step by step."""

from __future__ import annotations

import optax
import pytest

from schema.budget.schedules import load_schedule
from schema.budget.schedules.wsd import learning_rate, shape

KINDS = ["wsd", "cosine", "linear", "constant"]


@pytest.mark.parametrize(
    ("steps", "warmup_steps", "decay_steps"), [(20, 4, 6), (10, 0, 3), (10, 10, 0), (7, 3, 4), (1, 0, 0)]
)
def test_rates_are_those_of_optax_joined_schedules(steps: int, warmup_steps: int, decay_steps: int) -> None:
    peak, stable = 3e-4, steps - warmup_steps - decay_steps
    joined = optax.join_schedules(
        [
            optax.linear_schedule(peak / max(1, warmup_steps), peak, max(1, warmup_steps - 1)),
            optax.constant_schedule(peak),
            optax.linear_schedule(peak * decay_steps / (decay_steps + 1), 0.0, max(1, decay_steps)),
        ],
        [warmup_steps, warmup_steps + stable],
    )
    for step in range(steps):
        assert learning_rate(step, steps, peak, warmup_steps, decay_steps) == pytest.approx(
            float(joined(step)), rel=1e-5
        )


@pytest.mark.parametrize(("steps", "warmup_pct"), [(20, 0.2), (10, 0.0), (7, 0.5), (5, 1.0), (1, 0.0)])
@pytest.mark.parametrize("kind", ["cosine", "linear", "constant"])
def test_behind_the_warm_up_rates_are_those_of_optax(kind: str, steps: int, warmup_pct: float) -> None:
    schedule, peak = load_schedule(kind), 3e-4
    warmup_steps, decay_steps = schedule.shape(steps, warmup_pct, 0.1)
    rest = steps - warmup_steps + 1  # the last step of the warm-up is at the peak, the one behind the phase at zero
    behind = {
        "cosine": optax.cosine_decay_schedule(peak, rest),
        "linear": optax.linear_schedule(peak, 0.0, rest),
        "constant": optax.constant_schedule(peak),
    }[kind]
    for step in range(steps):
        rate = schedule.learning_rate(step, steps, peak, warmup_steps, decay_steps)
        expected = peak * (step + 1) / warmup_steps if step < warmup_steps else float(behind(step - warmup_steps + 1))
        assert rate == pytest.approx(expected, rel=1e-5)  # optax computes in float32


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_of_every_schedule_has_a_rate_above_zero_and_at_most_the_peak(kind: str) -> None:
    schedule = load_schedule(kind)
    for steps, warmup_pct in ((1, 0.0), (3, 0.5), (100, 0.05)):
        ends = schedule.shape(steps, warmup_pct, 0.1)
        rates = [schedule.learning_rate(step, steps, 1.0, *ends) for step in range(steps)]
        assert min(rates) > 0
        assert max(rates) <= 1
        with pytest.raises(ValueError, match="outside"):
            schedule.learning_rate(steps, steps, 1.0, *ends)


@pytest.mark.parametrize("kind", ["cosine", "linear", "constant"])
def test_a_schedule_that_does_not_read_decay_pct_is_the_same_with_any(kind: str) -> None:
    schedule = load_schedule(kind)
    assert not schedule.READS_DECAY_PCT
    assert schedule.shape(100, 0.6, 0.0) == schedule.shape(100, 0.6, 0.9)


def test_every_step_has_a_rate_above_zero_and_one_is_at_the_peak() -> None:
    rates = [learning_rate(step, 100, 1.0, *shape(100, 0.05, 0.2)) for step in range(100)]
    assert min(rates) > 0
    assert rates[4] == max(rates) == 1.0
    assert rates[-1] == pytest.approx(1 / 21)


def test_shares_that_round_up_together_still_fit() -> None:
    assert shape(3, 0.5, 0.5) == (2, 1)
    assert shape(1000, 0.01, 0.1) == (10, 100)


def test_warm_up_and_decay_longer_than_the_phase_are_refused() -> None:
    with pytest.raises(ValueError, match=r"take 60 \+ 50 of 100 steps"):
        shape(100, 0.6, 0.5)


def test_a_step_outside_the_phase_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        learning_rate(5, 5, 1.0, 0, 0)


def test_the_schedule_is_found_by_its_name() -> None:
    assert load_schedule("wsd").shape(10, 0.1, 0.1) == (1, 1)
