"""Warm-up, stable, decay: a trapezoid (Hu et al. 2024, MiniCPM; Hägele et al. 2024).

The decay takes the last `training/decay_pct` of a phase.
"""

from __future__ import annotations

from schema.budget.schedules._parts import falling, rising
from schema.budget.stages import share_of_steps

READS_DECAY_PCT = True


def shape(steps: int, warmup_pct: float, decay_pct: float) -> tuple[int, int]:
    """Turn shares of a phase's `steps` into (warmup_steps, decay_steps).

    Raises ValueError when the two together are longer than the phase.
    """
    warmup_steps, decay_steps = share_of_steps(warmup_pct, steps), share_of_steps(decay_pct, steps)
    if warmup_steps + decay_steps > steps > 0 and warmup_pct + decay_pct <= 1:
        decay_steps = steps - warmup_steps  # both shares were rounded up by half a step
    if warmup_steps + decay_steps > steps:
        raise ValueError(
            f"training/warmup_pct {warmup_pct} and training/decay_pct {decay_pct} take {warmup_steps} + {decay_steps} "
            f"of {steps} steps; lower one of them"
        )
    return warmup_steps, decay_steps


def learning_rate(step: int, steps: int, peak: float, warmup_steps: int, decay_steps: int) -> float:
    """Rate of `step`, 0 ≤ step < steps.

    peak · (step + 1) / warmup_steps in warm-up, whose last step is at the peak; then peak; then, in the
    last decay_steps, peak · (steps − step) / (decay_steps + 1): the next step's would be the first zero.

    >>> [round(learning_rate(step, 8, 1.0, 2, 3), 2) for step in range(8)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    if step < steps - decay_steps:
        return rising(step, steps, peak, warmup_steps)
    return falling(step, steps, peak, decay_steps)
