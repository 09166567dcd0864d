"""Cosine: after the warm-up the rate falls along half a cosine to the end of the phase (Loshchilov and Hutter 2017).

`training/decay_pct` changes nothing.
"""

from __future__ import annotations

from math import cos, pi

from schema.budget.schedules._parts import falling, rising
from schema.budget.schedules.linear import shape

__all__ = ["READS_DECAY_PCT", "learning_rate", "shape"]

READS_DECAY_PCT = False


def learning_rate(step: int, steps: int, peak: float, warmup_steps: int, decay_steps: int) -> float:
    """Rate of `step`, 0 ≤ step < steps: in the decay peak · (1 − cos(π · (steps − step) / (decay_steps + 1))) / 2.

    >>> [round(learning_rate(step, 5, 1.0, 2, 3), 4) for step in range(5)]
    [0.5, 1.0, 0.8536, 0.5, 0.1464]
    """
    if step < warmup_steps:
        return rising(step, steps, peak, warmup_steps)
    return peak * (1 - cos(pi * falling(step, steps, 1.0, decay_steps))) / 2
