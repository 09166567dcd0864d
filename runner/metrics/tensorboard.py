"""TensorBoard event files, in tensorboardX's format.

Each record is on the disk before the next step, not when a thread gets to it: a killed run loses no event before its
last checkpoint. What followed it is taken back by the first event of the next process.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.summary import scalar

from runner.metrics._sink import Record

SECOND = r"^events\.out\.tfevents\.(\d{10})\."
NOT_SCALARS = ("event", "step", "phase", "dataset")


class TensorboardSink:
    """Writes each number as `event/name`, per dataset where a record names one.

    `resumed` are the records of the step that the run resumes after; readers drop all events from that step on when
    they meet this process, so that these are written again.
    """

    def __init__(self, run_dir: Path, resume_step: int, resumed: Sequence[Record] = ()) -> None:
        folder = run_dir / "tensorboard"
        folder.mkdir(exist_ok=True)
        self._file = EventsWriter(str(folder / _prefix(folder)), f".{resume_step:012d}")
        self._write(resume_step, session_log=SessionLog(status=SessionLog.START))
        for record in resumed:
            self.write(record)

    def write(self, record: Record) -> None:
        """Write the numbers of one record."""
        topic = "/".join(str(record[name]) for name in ("event", "dataset") if name in record)
        for name, value in record.items():
            if name not in NOT_SCALARS and isinstance(value, int | float):
                self._write(int(str(record["step"])), summary=scalar(f"{topic}/{name}", value))
        self._file.flush()

    def sync(self) -> None:
        """Do nothing: events are read by people, who can do without the last ones after a loss of power."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, step: int, **content: object) -> None:
        self._file.write_event(Event(wall_time=time.time(), step=step, **content))


def _prefix(folder: Path) -> str:
    """What the name of a new file of events begins with; tensorboardX adds the second of its birth.

    Readers take files in the order of their names. Where the clock was set back, the name begins with a second that
    follows that of the last file.
    """
    last = max((int(second) for path in folder.iterdir() for second in re.findall(SECOND, path.name)), default=0)
    return "events" if last < time.time() else f"events.out.tfevents.{last + 1}"
