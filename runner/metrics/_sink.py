"""What a sink is, and which ones a run has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runner.metrics.jsonl import JsonlSink
    from runner.metrics.wandb import WandbRun

Value = str | int | float | bool | None
Record = Mapping[str, Value]


class Sink(Protocol):
    """Takes the records of a run. Each record has `event` (train, skipped, validation, evaluation) and `step`.

    A value that a step does not have, as the loss of a batch without supervised tokens, is None.
    """

    def write(self, record: Record) -> None:
        """Take one record."""

    def sync(self) -> None:
        """Bring what was taken to the disk: a checkpoint follows that counts on it."""

    def close(self) -> None:
        """Flush and close."""


def open_sinks(
    run_dir: Path, resume_step: int, wandb: WandbRun | None = None, records_end: int = 0
) -> tuple[JsonlSink, *tuple[Sink, ...]]:
    """Open the sinks that keep records, continuing after `resume_step` (0 for a new run); the first is the file.

    Records of later steps, left by a process that was killed, are dropped, so that none appears twice. `records_end`
    is the byte of the file that the checkpoint of `resume_step` counts up to.
    Weights & Biases must be installed where `wandb` names a run for it: see `require_wandb`.
    """
    from runner.metrics.jsonl import JsonlSink
    from runner.metrics.tensorboard import TensorboardSink

    lines = JsonlSink(run_dir, resume_step, records_end)
    sinks: list[Sink] = [TensorboardSink(run_dir, resume_step, lines.resumed)]
    if wandb is not None:
        from runner.metrics.wandb import WandbSink

        sinks.append(WandbSink(run_dir, wandb))
    return (lines, *sinks)
