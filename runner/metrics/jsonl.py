"""metrics.jsonl: one record a line, complete and in order however often the run was killed."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from runner.metrics._sink import Record, Value

METRICS = "metrics.jsonl"  # in a run directory
BEFORE_THE_CHECKPOINT = ("train", "skipped")  # what is recorded of a step before it is saved; the rest is done again


class JsonlSink:
    """Appends records to `metrics.jsonl`, each line flushed as it is written.

    A run that resumes after a step cuts the file to `end`, the bytes that its checkpoint counts, where they are there
    (`has_records`); else to the last record before the checkpoint. `resumed` are the records of that step.
    """

    def __init__(self, run_dir: Path, resume_step: int = 0, end: int = 0) -> None:
        path = run_dir / METRICS
        path.touch()
        with path.open("r+b") as file:
            if whole := has_records(run_dir, resume_step, end):
                file.truncate(end)
            last, self.resumed = _end_of(file.fileno(), resume_step)
            self._end = end if whole else last
            file.truncate(self._end)
            os.fsync(file.fileno())
        self._file = path.open("ab")
        # What a resumed run does again after a step, and where the file ends before that.
        self._done_again: tuple[Value, int] = resume_step, self._end

    def write(self, record: Record) -> None:
        """Append one line; what is no number is null, for JSON has neither infinity nor NaN."""
        known = {
            name: None if isinstance(value, float) and not isfinite(value) else value for name, value in record.items()
        }
        line = (json.dumps(known, allow_nan=False) + "\n").encode()
        if record["event"] not in BEFORE_THE_CHECKPOINT and record["step"] != self._done_again[0]:
            self._done_again = record["step"], self._end
        self._file.write(line)
        self._file.flush()
        self._end += len(line)

    def end_before(self, step: int) -> int:
        """Bytes of the records that a run keeps which resumes after this step, the last one taken."""
        step_done_again, end = self._done_again
        return end if step == step_done_again else self._end

    def sync(self) -> None:
        """Bring all lines to the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def has_records(run_dir: Path, step: int, end: int) -> bool:
    """Whether a record that precedes the checkpoint of a step ends at this byte of a run's file. Raises OSError."""
    path = run_dir / METRICS
    if end == 0 or not path.exists() or path.stat().st_size < end:
        return end == 0
    with path.open("rb") as file:
        record = _record(next(_lines_backwards(file.fileno(), end))[1])
    return record is not None and _belongs(record, step)


def read_records(run_dir: Path) -> tuple[list[dict[str, Any]], int]:
    """Return all records of a run, and the number of lines that are none. Raises OSError."""
    path = run_dir / METRICS
    found = [_record(line) for line in path.read_bytes().splitlines(keepends=True)] if path.exists() else []
    records = [record for record in found if record is not None]
    return records, len(found) - len(records)


def _end_of(file: int, resume_step: int) -> tuple[int, list[Record]]:
    """Return where the records up to a checkpoint end, and those of its own step.

    Reads from the end of the file, so that the time does not grow with the run.
    """
    end: int | None = None
    own: list[Record] = []
    for start, line in _lines_backwards(file, os.fstat(file).st_size):
        record = _record(line)
        if record is None or not _belongs(record, resume_step):
            continue
        end = start + len(line) if end is None else end
        if record["step"] < resume_step:
            break
        own.insert(0, record)
    return end or 0, own


def _lines_backwards(file: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file before a byte, the last one first, each with where it starts."""
    if not end:
        return
    with mmap.mmap(file, end, access=mmap.ACCESS_READ) as content:  # reads the pages that are looked at, and no other
        while end:
            start = content.rfind(b"\n", 0, end - 1) + 1
            yield start, content[start:end]
            end = start


def _record(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None of half a line, and of anything else."""
    try:
        record = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) and "event" in record else None


def _belongs(record: dict[str, Any], resume_step: int) -> bool:
    """Whether a record was written before the checkpoint that the run resumes from."""
    step: int = record["step"]
    return step < resume_step or (step == resume_step and record["event"] in BEFORE_THE_CHECKPOINT)
