"""A training that can resume resumes, whatever became of its records; what is lost is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runner.interrupted_run import summary
from tests.runner.workplace import RUN_EVERY_STEP as RUN
from tests.runner.workplace import lorarun


@pytest.fixture(scope="module")
def finished(saved_each_step: Path) -> Path:
    """A folder with a finished run in `run`."""
    return saved_each_step


@pytest.fixture
def metrics(here: Path) -> Path:
    """The records of that run as it was after step 3."""
    shutil.rmtree(here / "run/checkpoints/4")
    (here / "run/summary.json").unlink()
    return here / "run/metrics.jsonl"


def cut_third_line(metrics: Path) -> None:
    first, second, third, *_ = metrics.read_bytes().splitlines(keepends=True)
    metrics.write_bytes(first + second + third[: len(third) // 2])


@pytest.mark.parametrize(("lose", "left"), [(Path.unlink, [4, 4]), (cut_third_line, [1, 2, 4, 4])])
def test_a_run_that_lost_records_says_so_and_ends_with_the_same_weights(
    lose: Callable[[Path], object], left: list[int], here: Path, metrics: Path, finished: Path
) -> None:
    lose(metrics)
    damaged = lorarun(here, "verify", "run")
    assert (damaged.exit_code, "\nmetrics.jsonl: damaged: " in damaged.stdout) == (74, True)
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert "run/metrics.jsonl lacks records up to step 3: they are lost\n" in done.stdout
    assert [json.loads(line)["step"] for line in metrics.read_text().splitlines()] == left
    assert summary(here / "run")["weights_digest"] == summary(finished / "run")["weights_digest"]
    assert lorarun(here, "verify", "run").exit_code == 0


def test_a_line_that_is_no_record_is_left_out_of_the_summary_and_counted(
    here: Path, metrics: Path, finished: Path
) -> None:
    lines = metrics.read_bytes().splitlines(keepends=True)
    metrics.write_bytes(b"".join([lines[0], b"?" * (len(lines[1]) - 1) + b"\n", *lines[2:]]))
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert "left out here: 1 line of run/metrics.jsonl without a record\n" in done.stdout
    told, whole = summary(here / "run"), summary(finished / "run")
    assert (told["strange_lines"], whole["strange_lines"]) == (1, 0)
    assert told["weights_digest"] == whole["weights_digest"]
    assert "metrics.jsonl: damaged: line 2 is no record\n" in lorarun(here, "verify", "run").stdout
