"""The record of a step: how it went, and how fast the steps since the last report were."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from runner.checkpoint.progress import Progress
from runner.plan.plan import PhasePlan, Plan


class StepClock:
    """Measures the time of steps between two reports; whoever scores in between restarts it."""

    def __init__(self, step: int) -> None:
        self.restart(step)

    def restart(self, step: int) -> None:
        """Begin a lap at the end of a step."""
        self.step, self.time = step, time.perf_counter()

    def lap(self, step: int) -> tuple[int, float]:
        """Return steps and seconds since the lap began, and begin the next."""
        lap = step - self.step, time.perf_counter() - self.time
        self.restart(step)
        return lap


def train_record(
    progress: Progress, plan: Plan, phase: PhasePlan, metrics: Mapping[str, Any], lap: tuple[int, float]
) -> dict[str, Any]:
    """Say how the last step went; `metrics` are of the host, `lap` is the steps and seconds since the last report.

    A step whose batch had no supervised token has neither a loss nor a gradient; both are None.
    """
    steps, seconds = lap
    supervised = int(metrics["supervised_tokens"])
    return {
        "event": "train",
        "step": progress.step,
        "phase": progress.phase,
        "stage": progress.stage,
        "tokens": progress.step * plan.tokens_per_step,
        "loss": float(metrics["loss"]) if supervised else None,
        "learning_rate": phase.learning_rate_at(progress.step),
        "grad_norm": float(metrics["grad_norm"]) if supervised else None,
        "supervised_tokens": supervised,
        "token_digest": progress.ledger.token_digest,
        "seconds": seconds,
        "tokens_per_second": steps * plan.tokens_per_step / seconds,
    }
