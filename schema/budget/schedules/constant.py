"""Constant: after the warm-up every step has the peak rate. `training/decay_pct` changes nothing."""

from __future__ import annotations

from schema.budget.schedules._parts import rising
from schema.budget.stages import share_of_steps

READS_DECAY_PCT = False


def shape(steps: int, warmup_pct: float, decay_pct: float) -> tuple[int, int]:
    """Turn shares of a phase's `steps` into (warmup_steps, 0)."""
    del decay_pct
    return share_of_steps(warmup_pct, steps), 0


def learning_rate(step: int, steps: int, peak: float, warmup_steps: int, decay_steps: int) -> float:
    """Rate of `step`, 0 ≤ step < steps.

    >>> [learning_rate(step, 4, 1.0, 2, 0) for step in range(4)]
    [0.5, 1.0, 1.0, 1.0]
    """
    del decay_steps
    return rising(step, steps, peak, warmup_steps)
