"""What a resume does before its first new steps is the same after ten steps and after a million.

Counted, not timed: Python calls, bytes read, lines looked at, rows gathered. `tools/bench/resume.py` times it.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import shutil
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from runner.data.loader import BATCHES_AHEAD, THREADS
from runner.data.styles.padded import PaddedRows
from runner.files.seal import seal, sealed_facts
from runner.metrics import jsonl
from runner.run.execution import ExecutionSpec
from runner.train.lora_trainer import LoRATrainer
from schema.lint import load_spec
from tests.runner.workplace import SPEC, fill

EARLY, LATE = 10, 1_000_000
INTERVAL, BATCH_ROWS, STEP_TOKENS = 10, 4, 128
IO = Path("/proc/self/io")


class NewSteps(Exception):  # noqa: N818
    """A run has come to its first new record."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run as it is after step 10, and as it is after step 1,000,000 of the same plan."""
    folder = tmp_path_factory.mktemp("resumed")
    fill(folder)
    spec = SPEC.replace("pre_lora_tokens: [256]", f"pre_lora_tokens: [{(LATE + 1_000) * STEP_TOKENS}]")
    intervals = f"report_interval: {INTERVAL}, checkpoint_interval: {INTERVAL}"
    (folder / "spec.yaml").write_text(spec.replace("report_interval: 1", intervals))
    early, late = folder / f"after-{EARLY}", folder / f"after-{LATE}"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_until(EARLY + INTERVAL, early, patch)
    shutil.copytree(early, late)
    checkpoint = (late / f"checkpoints/{EARLY}").rename(late / f"checkpoints/{LATE}")
    record = json.loads((late / "metrics.jsonl").read_text().splitlines()[0])
    records = (json.dumps(record | {"step": step}) for step in range(INTERVAL, LATE + 1, INTERVAL))
    (late / "metrics.jsonl").write_text("\n".join(records) + "\n")
    facts = sealed_facts(checkpoint)
    del facts["files"]
    progress, records_end = facts["progress"] | {"step": LATE}, (late / "metrics.jsonl").stat().st_size
    seal(checkpoint, facts | {"progress": progress, "records_end": records_end})
    return folder


def run_until(step: int, run_dir: Path, patch: pytest.MonkeyPatch) -> None:
    """Begin a run, or go on with it, until a step is about to be recorded."""
    write = jsonl.JsonlSink.write

    def stop(self: jsonl.JsonlSink, record: dict[str, Any]) -> None:
        if (record["event"], record["step"]) == ("train", step):
            raise NewSteps
        write(self, record)

    with patch.context() as stopped:
        stopped.setattr(jsonl.JsonlSink, "write", stop)
        with pytest.raises(NewSteps):
            LoRATrainer(ExecutionSpec(load_spec("spec.yaml"), run_dir), Console(file=StringIO())).run()


def cost(run_dir: Path, step: int, patch: pytest.MonkeyPatch) -> Counter[str]:
    """What is done from the start of a run that goes on after a step to its next record, by kind."""
    found: Counter[str] = Counter()
    parts: list[int] = []  # appended to by the threads that read ahead
    gather, lines_backwards = PaddedRows.gather, jsonl._lines_backwards

    def gathered(self: PaddedRows, indices: Any) -> Any:
        parts.append(len(indices))
        return gather(self, indices)

    def looked_at(file: int, end: int) -> Iterator[tuple[int, bytes]]:
        for line in lines_backwards(file, end):
            found["lines"] += 1
            yield line

    profile = cProfile.Profile()
    with patch.context() as counted:
        counted.setattr(PaddedRows, "gather", gathered)
        counted.setattr(jsonl, "_lines_backwards", looked_at)
        before = bytes_read()
        profile.enable()
        run_until(step + INTERVAL, run_dir, patch)
        profile.disable()
        found["bytes read"] = bytes_read() - before
    found["rows gathered"] = sum(parts)
    found["calls"] = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    return found


def bytes_read() -> int:
    """Bytes that this process has asked the system for; 0 where it does not tell."""
    return int(IO.read_text().split()[1]) if IO.exists() else 0


@pytest.mark.slow
def test_a_resume_costs_the_same_after_ten_steps_and_after_a_million(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(begun)
    shutil.copytree(begun / f"after-{EARLY}", begun / "warm")
    cost(begun / "warm", EARLY, monkeypatch)  # once, so that programs are compiled and modules loaded for both
    early, late = (cost(begun / f"after-{step}", step, monkeypatch) for step in (EARLY, LATE))
    for kind in ("calls", "bytes read"):
        assert late[kind] <= 1.1 * early[kind], (kind, early, late)
    assert late["lines"] == early["lines"] <= 6  # two to see that all are there, to say if none is, to go on after them
    ahead = BATCHES_AHEAD + THREADS
    for found in (early, late):
        assert INTERVAL * BATCH_ROWS <= found["rows gathered"] <= (INTERVAL + ahead) * BATCH_ROWS
