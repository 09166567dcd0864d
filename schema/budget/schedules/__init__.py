"""Learning-rate schedules, one kind a module, in plain arithmetic so that plan and exec share them.

Each raises the rate in the first `training/warmup_pct` of a phase and differs in what follows. No step of a phase has
rate zero: neither the first, which would waste it, nor the last.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast


class Schedule(Protocol):
    """What a schedule module offers; steps count from 0 within a phase."""

    READS_DECAY_PCT: bool  # whether training/decay_pct changes anything

    def shape(self, steps: int, warmup_pct: float, decay_pct: float) -> tuple[int, int]:
        """Steps of warm-up and of decay in a phase of `steps` steps."""

    def learning_rate(self, step: int, steps: int, peak: float, warmup_steps: int, decay_steps: int) -> float:
        """The rate of one step."""


def load_schedule(kind: str) -> Schedule:
    """Load the schedule that `optimization/schedule` names."""
    return cast(Schedule, import_module(f"schema.budget.schedules.{kind}"))
