"""metrics.jsonl: one record a line, complete and in order however often the run was killed."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from runner.failure import ExitCode, Failure
from runner.metrics._sink import Record, Value

METRICS = "metrics.jsonl"  # in a run directory
LONGEST = 2**20  # bytes of a line; a record has some hundreds
BEFORE_THE_CHECKPOINT = ("train", "skipped")  # what is recorded of a step before it is saved; the rest is done again


@dataclass(frozen=True, slots=True)
class Written:
    """The lines of a file from byte `start` to byte `end` as they were written.

    `sha256` is chained: over what it was before a line, and that line. So a run that goes on needs to read none of
    them again, and nobody needs to know where processes ended.
    """

    start: int = 0
    end: int = 0
    sha256: str = ""

    def then(self, line: bytes) -> Written:
        """What is written once another line is."""
        chained = hashlib.sha256(self.sha256.encode() + line)
        return Written(self.start, self.end + len(line), chained.hexdigest())


class JsonlSink:
    """Appends records to `metrics.jsonl`, each line flushed as it is written.

    `resumed` are the records of the step that the run goes on after, `written` what its checkpoint says of the file,
    and `check_records` has found true. Where it says nothing, for another version saved it, or the records are gone,
    what is written counts from here.
    """

    def __init__(self, run_dir: Path, resume_step: int, written: Mapping[str, Any] | None = None) -> None:
        path = run_dir / METRICS
        path.touch()
        with path.open("r+b") as file:
            end, self.resumed = _end_of(file.fileno(), resume_step)
            file.truncate(end)
            os.fsync(file.fileno())
        self._file = path.open("ab")
        self.written = Written(**written) if written and end else Written(end, end)
        # What a run that goes on after a step does again, from where on: what follows the checkpoint of that step.
        self._done_again: tuple[Value, Written] = resume_step, self.written

    def write(self, record: Record) -> None:
        """Append one line; what is no number is null, for JSON has neither infinity nor NaN."""
        known = {
            name: None if isinstance(value, float) and not isfinite(value) else value for name, value in record.items()
        }
        line = (json.dumps(known, allow_nan=False) + "\n").encode()
        if record["event"] not in BEFORE_THE_CHECKPOINT and record["step"] != self._done_again[0]:
            self._done_again = record["step"], self.written
        self._file.write(line)
        self._file.flush()
        self.written = self.written.then(line)

    def written_before(self, step: int) -> dict[str, Any]:
        """What a checkpoint of this step, the last, says of the lines that a run keeps which goes on there."""
        step_done_again, before = self._done_again
        return asdict(before if step == step_done_again else self.written)

    def sync(self) -> None:
        """Bring all lines to the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def check_records(run_dir: Path, step: int, written: Mapping[str, Any] | None) -> bool:
    """Whether the records that a checkpoint of this step counts on are there; False where all are gone.

    They are gone where the file is, or is empty, or begins with records of later steps. Nothing is written, and what
    is read does not grow with the run. Raises Failure STORAGE when the file holds anything else than they were.
    """
    path = run_dir / METRICS
    if not written:
        return True
    end, first = 0, b""
    if path.exists():
        with path.open("rb") as file:
            end, _ = _end_of(file.fileno(), step)
            first = file.readline(LONGEST)
    if end == written["end"]:
        return True
    record = _record(first)
    if end or (first and (record is None or _belongs(record, step))):
        raise _altered(path, f"its records up to step {step:,} end at byte {end:,} in place of {written['end']:,}")
    return False


def read_records(run_dir: Path, written: Written) -> list[bytes]:
    """Read every line of a run again. Raises Failure STORAGE when they are not those that were `written`."""
    path = run_dir / METRICS
    if not path.exists():
        raise _altered(path, "it is gone")
    place, read, lines = 0, Written(written.start, written.start), path.read_bytes().splitlines(keepends=True)
    for line in lines:
        place += len(line)
        read = read.then(line) if place > written.start else read
        if _record(line) is None:
            raise _altered(path, f"{line[:40].decode(errors='replace').strip()!r} is no record")
    if read != written:
        raise _altered(path, "its records are not those that were written")
    return lines


def _altered(path: Path, reason: str) -> Failure:
    return Failure(
        f"{path} is not as it was written: {reason}; bring a copy of it back, or move it away, and the run goes on "
        "without the records so far",
        ExitCode.STORAGE,
    )


def scores_digest(lines: Iterable[bytes], step: int) -> str:
    """Digest, chained like that of `Written`, of what is recorded of a step after its checkpoint: its scores.

    Records of scores tell no times, so that runs with the same scores have the same digest.
    """
    written = Written()
    for line in lines:
        record = json.loads(line)
        if record["step"] == step and not _belongs(record, step):
            written = written.then(line)
    return written.sha256


def last_step(run_dir: Path) -> int:
    """The step of the last whole record of a run, 0 where there is none. Raises OSError."""
    path = run_dir / METRICS
    if not path.exists():
        return 0
    with path.open("rb") as file:
        found = (_record(line) for _, line in _lines_backwards(file.fileno()))
        return int(next((record["step"] for record in found if record), 0))


def _end_of(file: int, resume_step: int) -> tuple[int, list[Record]]:
    """Return where the records up to a checkpoint end, and those of its own step.

    Reads from the end of the file, so that the time does not grow with the run.
    """
    end: int | None = None
    own: list[Record] = []
    for start, line in _lines_backwards(file):
        record = _record(line)
        if record is None or not _belongs(record, resume_step):
            continue
        end = start + len(line) if end is None else end
        if record["step"] < resume_step:
            break
        own.insert(0, record)
    return end or 0, own


def _lines_backwards(file: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file from its last, each with where it starts."""
    end = os.fstat(file).st_size
    if not end:
        return
    with mmap.mmap(file, end, access=mmap.ACCESS_READ) as content:
        while end:
            start = content.rfind(b"\n", 0, end - 1) + 1
            yield start, content[start:end]
            end = start


def _record(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None of half a line, which the next record would continue, and of what is none of ours."""
    try:
        record = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) and "event" in record else None


def _belongs(record: dict[str, Any], resume_step: int) -> bool:
    """Whether a record was written before the checkpoint that the run continues from."""
    step: int = record["step"]
    return step < resume_step or (step == resume_step and record["event"] in BEFORE_THE_CHECKPOINT)
