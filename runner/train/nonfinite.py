"""Read whether steps were finite, one step behind the devices, so that these never wait for the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import jax

from runner.data.loader import Batch
from runner.failure import ExitCode, Failure
from runner.metrics import Record
from schema.sections.training import Training

ROWS_NAMED = 8  # of each dataset


@dataclass(frozen=True, slots=True)
class _Step:
    phase: str
    step: int
    rows: Mapping[str, Sequence[int]]  # numbers of the batch's rows in each dataset's split
    finite: jax.Array  # () bool on the devices


class FiniteSteps:
    """Fails a run at a step that is not finite, or records it as skipped, as `training/on_nonfinite` says."""

    def __init__(self, training: Training) -> None:
        self._skips, self._limit = training.on_nonfinite == "skip", training.max_skipped_steps
        self._open: list[_Step] = []

    def note(self, phase: str, batch: Batch, finite: jax.Array) -> None:
        """Remember a step whose flag is not read yet; the devices may still compute it."""
        self._open.append(_Step(phase, batch.step, batch.rows, finite))

    def settle(self, last: int, skipped: int) -> Iterator[Record]:
        """Wait for the steps up to `last` and yield a record of each skipped one; `skipped` counts earlier ones.

        Raises Failure NUMERICS, naming phase, step and rows, where a step is not finite and none may be skipped or
        more than `training/max_skipped_steps` were.
        """
        while self._open and self._open[0].step <= last:
            step = self._open.pop(0)
            if jax.device_get(step.finite):  # waits until the devices have finished that step
                continue
            skipped += 1
            if not self._skips or skipped > self._limit:
                raise Failure(self._refusal(step), ExitCode.NUMERICS)
            yield {"event": "skipped", "step": step.step, "phase": step.phase, "rows": _rows(step.rows)}

    def _refusal(self, step: _Step) -> str:
        what = f"phase {step.phase}, step {step.step:,}: the loss, its gradient or the update is not finite"
        if self._skips:
            what += f", and {self._limit} steps were skipped before it, as training/max_skipped_steps allows"
        remedy = "lower the learning rate or raise the precision"
        if not self._skips:
            remedy += ", or write training/on_nonfinite: skip"
        return f"{what} ({_rows(step.rows)}); earlier checkpoints are kept; {remedy}"


def check_finite(losses: Mapping[str, float], phase: str, step: int) -> None:
    """Raise Failure NUMERICS when a validation loss is not finite."""
    broken = [label for label, loss in losses.items() if not isfinite(loss)]
    if broken:
        raise Failure(
            f"phase {phase}, step {step:,}: the validation loss of {broken[0]} is not finite; lower the learning "
            "rate and start a new run with another --run-dir",
            ExitCode.NUMERICS,
        )


def _rows(rows: Mapping[str, Sequence[int]]) -> str:
    named = []
    for dataset, numbers in rows.items():
        if numbers:
            more = f" and {len(numbers) - ROWS_NAMED} more" if len(numbers) > ROWS_NAMED else ""
            named.append(f"rows {', '.join(str(number) for number in numbers[:ROWS_NAMED])}{more} of {dataset}")
    return "; ".join(named)
