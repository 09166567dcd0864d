"""Weights & Biases, when logging/wandb is on; the run's identity is its folder, so a resume continues it."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from runner.failure import ExitCode, Failure
from runner.metrics._sink import Record


def require_wandb() -> None:
    """Raise Failure INVALID when the library is not installed."""
    if find_spec("wandb") is None:
        raise Failure(
            "logging/wandb is true, and wandb is not installed; pip install 'lorarun[wandb]', or set it to false",
            ExitCode.INVALID,
        )


class WandbSink:
    """Logs each number as `event/name`; credentials come from wandb's own login, never from the spec."""

    def __init__(self, run_dir: Path, resume_step: int) -> None:
        import wandb

        identity = hashlib.sha256(str(run_dir.resolve()).encode()).hexdigest()[:16]
        self._run = wandb.init(
            project="lorarun", name=run_dir.name, id=identity, dir=str(run_dir), resume="allow" if resume_step else None
        )

    def write(self, record: Record) -> None:
        """Log the numbers of one record at its step."""
        topic = "/".join(str(record[name]) for name in ("event", "dataset") if name in record)
        numbers = {
            f"{topic}/{name}": value
            for name, value in record.items()
            if name != "step" and isinstance(value, int | float)
        }
        self._run.log(numbers, step=int(str(record["step"])))

    def sync(self) -> None:
        """Do nothing: wandb keeps its own record of what it has still to upload."""

    def close(self) -> None:
        """Finish the upload."""
        self._run.finish()
