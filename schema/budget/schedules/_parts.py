"""What schedules share: the way up to the peak, and an even way down from it; both refuse a step outside the phase."""

from __future__ import annotations


def rising(step: int, steps: int, peak: float, warmup_steps: int) -> float:
    """peak · (step + 1) / warmup_steps in the warm-up, whose last step is at the peak; then peak."""
    _check(step, steps)
    return peak * (step + 1) / warmup_steps if step < warmup_steps else peak


def falling(step: int, steps: int, peak: float, decay_steps: int) -> float:
    """peak · (steps − step) / (decay_steps + 1) in the last `decay_steps`: the next step's would be the first zero."""
    _check(step, steps)
    return peak * (steps - step) / (decay_steps + 1)


def _check(step: int, steps: int) -> None:
    if not 0 <= step < steps:
        raise ValueError(f"step {step} lies outside a phase of {steps} steps")
