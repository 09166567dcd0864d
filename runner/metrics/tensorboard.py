"""TensorBoard event files, written by tensorboardX."""

from __future__ import annotations

from pathlib import Path

from tensorboardX import SummaryWriter

from runner.failure import ExitCode, Failure
from runner.metrics._sink import Record

NOT_SCALARS = ("event", "step", "phase", "dataset")


class TensorboardSink:
    """Writes each number as `event/name`, per dataset where a record names one."""

    def __init__(self, run_dir: Path, resume_step: int) -> None:
        purge = resume_step + 1 if resume_step else None
        self._writer = SummaryWriter(str(run_dir / "tensorboard"), purge_step=purge)

    def write(self, record: Record) -> None:
        """Write the numbers of one record. Raises Failure STORAGE when the writing behind has failed."""
        if not self._writer.file_writer.event_writer._worker.is_alive():
            raise Failure(
                f"cannot write {self._writer.logdir}: a write has failed; make room on that disk, and run the same "
                "command again",
                ExitCode.STORAGE,
            )
        topic = "/".join(str(record[name]) for name in ("event", "dataset") if name in record)
        for name, value in record.items():
            if name not in NOT_SCALARS and isinstance(value, int | float):
                self._writer.add_scalar(f"{topic}/{name}", value, int(str(record["step"])))

    def close(self) -> None:
        """Write what is buffered."""
        self._writer.close()
