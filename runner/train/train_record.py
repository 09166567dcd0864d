"""The record of a step: how it went, and how fast the steps since the last report were."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from runner.checkpoint.progress import Progress
from runner.data.loader import Batch
from runner.plan.plan import PhasePlan, Plan


class Lap(NamedTuple):
    """The steps since the last report, the seconds that they took, and those of them spent waiting for data."""

    steps: int
    seconds: float
    waited: float


class StepClock:
    """Measures the time of steps between two reports; whoever scores in between restarts it."""

    def __init__(self, step: int) -> None:
        self.restart(step)

    def restart(self, step: int) -> None:
        """Begin a lap at the end of a step."""
        self.step, self.time, self.waited = step, time.perf_counter(), 0.0

    def waiting(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yield the batches, and add to the lap how long each was waited for."""
        asked = time.perf_counter()
        for batch in batches:
            self.waited += time.perf_counter() - asked
            yield batch
            asked = time.perf_counter()

    def lap(self, step: int) -> Lap:
        """Return the lap, and begin the next."""
        lap = Lap(step - self.step, time.perf_counter() - self.time, self.waited)
        self.restart(step)
        return lap


def train_record(
    progress: Progress, plan: Plan, phase: PhasePlan, metrics: Mapping[str, Any], lap: Lap
) -> dict[str, Any]:
    """Say how the last step went; `metrics` are of the host.

    A step whose batch had no supervised token has neither a loss nor a gradient; both are None.
    """
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
        "seconds": lap.seconds,
        "tokens_per_second": lap.steps * plan.tokens_per_step / lap.seconds,
        "wait_share": lap.waited / lap.seconds,
    }
