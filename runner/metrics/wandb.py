"""Weights & Biases, when logging/wandb is on; the run's identity is its folder, so a resume continues it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from runner.failure import ExitCode, Failure
from runner.metrics._sink import Record


class WandbSink:
    """Logs each number as `event/name`; credentials come from wandb's own login, never from the spec."""

    def __init__(self, run_dir: Path, resume_step: int) -> None:
        try:
            import wandb
        except ImportError as error:
            raise Failure(
                "logging/wandb is true, and wandb is not installed; pip install 'lorarun[wandb]', or set it to false",
                ExitCode.INVALID,
            ) from error
        identity = hashlib.sha256(str(run_dir.resolve()).encode()).hexdigest()[:16]
        self._run = wandb.init(
            project="lorarun", name=run_dir.name, id=identity, dir=str(run_dir), resume="allow" if resume_step else None
        )

    def write(self, record: Record) -> None:
        """Log the numbers of one record at its step."""
        topic = "/".join(str(record[name]) for name in ("event", "dataset") if name in record)
        numbers = {f"{topic}/{name}": value for name, value in record.items() if isinstance(value, int | float)}
        self._run.log(numbers, step=int(str(record["step"])))

    def close(self) -> None:
        """Finish the upload."""
        self._run.finish()
