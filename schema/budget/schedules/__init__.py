"""Learning-rate schedules, one kind a module, in plain arithmetic so that plan and exec share them.

A schedule module has `shape(steps, warmup_pct, decay_pct)` and
`learning_rate(step, steps, peak, warmup_steps, decay_steps)`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast


class Schedule(Protocol):
    """What a schedule module offers; steps count from 0 within a phase."""

    def shape(self, steps: int, warmup_pct: float, decay_pct: float) -> tuple[int, int]:
        """Steps of warm-up and of decay in a phase of `steps` steps."""

    def learning_rate(self, step: int, steps: int, peak: float, warmup_steps: int, decay_steps: int) -> float:
        """The rate of one step."""


def load_schedule(kind: str) -> Schedule:
    """Load the schedule that `optimization/schedule` names."""
    return cast(Schedule, import_module(f"schema.budget.schedules.{kind}"))
