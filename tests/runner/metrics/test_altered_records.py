"""Records that somebody or a disk altered between two calls are found out before a run goes on, or ends, with them."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.metrics.tensorboard import TensorboardSink
from tests.runner.event_files import events
from tests.runner.workplace import RUN_EVERY_STEP as RUN
from tests.runner.workplace import lorarun, tree


@pytest.fixture(scope="module")
def finished(saved_each_step: Path) -> Path:
    """A folder with a finished run in `run`."""
    return saved_each_step


@pytest.fixture
def here(here: Path) -> Path:
    """A copy of that folder as the run was after step 3."""
    shutil.rmtree(here / "run/checkpoints/4")
    (here / "run/summary.json").unlink()
    return here


@pytest.fixture
def metrics(here: Path) -> Path:
    return here / "run/metrics.jsonl"


def summary(run: Path) -> dict[str, Any]:
    return json.loads((run / "summary.json").read_text())


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


# What is done to the lines of a run that goes on after step 3: those of steps 1 to 3, and of a step that is done again.
ALTERED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a line of something else": lambda before: [before[0], b"garbage\n", *before[2:]],
    "an empty line": lambda before: [before[0], b"\n", *before[1:]],
    "a line is gone": lambda before: before[1:],
    "the last lines are gone": lambda before: before[:2],
    "half of the file is gone": lambda before: [b"".join(before)[: len(b"".join(before)) // 2]],
    "a line twice": lambda before: [before[0], *before],
    "records over several lines": lambda before: [json.dumps(json.loads(line), indent=1).encode() for line in before],
    "other letters": lambda before: [b"".join(before).decode().encode("utf-16")],
    "a head of zeros": lambda before: [b"\0" * len(b"".join(before))],
}


@pytest.mark.parametrize("case", ALTERED)
def test_a_run_does_not_go_on_with_records_that_were_altered(case: str, here: Path, metrics: Path) -> None:
    metrics.write_bytes(b"".join(ALTERED[case](lines(metrics))))
    before = tree(here)
    done = lorarun(here, *RUN)
    assert (done.exit_code, tree(here) == before) == (74, True)
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("lorarun: run/metrics.jsonl is not as it was written: its records up to step 3 end at ")
    assert "; bring a copy of it back, or move it away, and the run goes on without the records so far" in sentence


NO_RECORDS = ["5", "{}", "[]", '{"step": 9}', '{"step": "9", "event": "train"}', "nul\0"]


def test_what_follows_the_records_of_a_checkpoint_is_dropped_whatever_it_is(
    here: Path, metrics: Path, finished: Path
) -> None:
    with metrics.open("a") as file:
        file.write("\n".join(NO_RECORDS))
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert summary(here / "run") == summary(finished / "run")


def keep_what_follows(metrics: Path) -> None:
    """What a run has written that went on without its records and was killed before its next save."""
    metrics.write_bytes(b"".join(lines(metrics)[-2:]))


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(b""), keep_what_follows])
def test_a_run_whose_records_are_all_gone_says_so_and_counts_from_there(
    lose: Callable[[Path], object], here: Path, metrics: Path, finished: Path
) -> None:
    lose(metrics)
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert "run/metrics.jsonl has no records up to step 3 any more: they are lost\n" in done.stdout
    assert [json.loads(line)["step"] for line in lines(metrics)] == [4, 4]
    assert summary(here / "run")["weights_digest"] == summary(finished / "run")["weights_digest"]
    assert lorarun(here, "verify", "run").exit_code == 0
    (here / "run/summary.json").unlink()
    assert "any more" not in lorarun(here, *RUN).stdout


def test_a_number_that_was_altered_is_found_out_before_the_run_is_done(here: Path, metrics: Path) -> None:
    altered = lines(metrics)
    altered[1] = altered[1].replace(b'"loss": 5', b'"loss": 4')
    assert altered != lines(metrics)
    metrics.write_bytes(b"".join(altered))
    done = lorarun(here, *RUN)
    assert (done.exit_code, (here / "run/summary.json").exists()) == (74, False)
    assert "run/metrics.jsonl is not as it was written: its records are not those that were written; " in done.stderr
    metrics.unlink()
    assert lorarun(here, *RUN).exit_code == 0
    verified = lorarun(here, "verify", "run")
    assert verified.exit_code == 0
    assert re.search(
        r"metrics\.jsonl: not proven: .* run\.json says that those up to step 4 are lost\n", verified.stdout
    )


def test_records_that_vanish_while_a_run_writes_them_are_missed(
    here: Path, metrics: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty(*_: Any) -> None:
        metrics.write_bytes(b"")

    monkeypatch.setattr("runner.train.lora_trainer.reread_end", empty)
    done = lorarun(here, *RUN)
    assert (done.exit_code, (here / "run/summary.json").exists()) == (74, False)
    assert "run/metrics.jsonl is not as it was written" in done.stderr


def test_tensorboard_goes_on_where_a_clock_was_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = time.time(), [{"event": "train", "step": step, "loss": float(step)} for step in range(11)]
    for process, back in enumerate((0, 3600, 3600, 1800, -5)):
        monkeypatch.setattr(time, "time", lambda back=back: now - back)
        sink = TensorboardSink(tmp_path, 2 * process, told[2 * process : 2 * process + 1] if process else [])
        for record in told[2 * process + 1 : 2 * process + 3]:
            sink.write(record)
        sink.close()
    assert events(tmp_path) == [("train/loss", step, float(step)) for step in range(1, 11)]
