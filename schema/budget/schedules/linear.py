"""Linear: after the warm-up the rate falls along a line to the end of the phase.

`training/decay_pct` changes nothing.
"""

from __future__ import annotations

from schema.budget.schedules._parts import falling, rising
from schema.budget.stages import share_of_steps

READS_DECAY_PCT = False


def shape(steps: int, warmup_pct: float, decay_pct: float) -> tuple[int, int]:
    """Turn shares of a phase's `steps` into (warmup_steps, decay_steps), which fill the phase."""
    del decay_pct
    warmup_steps = share_of_steps(warmup_pct, steps)
    return warmup_steps, steps - warmup_steps


def learning_rate(step: int, steps: int, peak: float, warmup_steps: int, decay_steps: int) -> float:
    """Rate of `step`, 0 ≤ step < steps: peak · (steps − step) / (decay_steps + 1) behind the warm-up.

    >>> [learning_rate(step, 5, 1.0, 2, 3) for step in range(5)]
    [0.5, 1.0, 0.75, 0.5, 0.25]
    """
    if step < warmup_steps:
        return rising(step, steps, peak, warmup_steps)
    return falling(step, steps, peak, decay_steps)
