"""metrics.jsonl: one record a line, complete and in order however often the run was killed."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path

from runner.job import write_atomically
from runner.metrics._sink import Record


class JsonlSink:
    """Appends records to `metrics.jsonl`, each line flushed as it is written."""

    def __init__(self, run_dir: Path, resume_step: int) -> None:
        path = run_dir / "metrics.jsonl"
        kept = [line for line in _lines(path) if _belongs(line, resume_step)]
        write_atomically(path, "".join(kept))
        self._file = path.open("a", encoding="utf-8")

    def write(self, record: Record) -> None:
        """Append one line; what is no number is null, for JSON has neither infinity nor NaN."""
        known = {
            name: None if isinstance(value, float) and not isfinite(value) else value for name, value in record.items()
        }
        self._file.write(json.dumps(known, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []


def _belongs(line: str, resume_step: int) -> bool:
    """Whether a line is whole and was written before the checkpoint that the run continues from.

    What follows a step's checkpoint (validation, evaluation) is done again after a resume at that step.
    """
    if not line.endswith("\n"):  # the next record would continue it
        return False
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return bool(record["step"] < resume_step or (record["step"] == resume_step and record["event"] == "train"))
