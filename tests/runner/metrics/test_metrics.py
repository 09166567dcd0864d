"""Where a run's numbers go: each record once, whole, in every sink."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import time
from io import FileIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import runner.metrics.console
from runner.failure import ExitCode, Failure
from runner.metrics import open_sinks
from runner.metrics.console import ConsoleSink, RunConsole, preparation_bar
from runner.metrics.jsonl import JsonlSink, has_records, read_records
from runner.metrics.tensorboard import TensorboardSink
from runner.report.summary import phase_losses
from tests.runner.event_files import events


def train(step: int) -> dict[str, Any]:
    """A record of a train step."""
    rates = {"loss": 2.5, "learning_rate": 1e-3, "grad_norm": 0.75, "seconds": 2.0, "tokens_per_second": 1234.0}
    return {"event": "train", "step": step, "phase": "full", "stage": 1, "tokens": step * 1000, **rates}


def validation(step: int) -> dict[str, Any]:
    """A record of a validation."""
    return {"event": "validation", "step": step, "phase": "full", "dataset": "tales", "loss": 1.5}


def lines(run_dir: Path) -> list[str]:
    return (run_dir / "metrics.jsonl").read_text().splitlines()


def steps(run_dir: Path) -> list[tuple[str, int]]:
    return [(record["event"], record["step"]) for record in map(json.loads, lines(run_dir))]


def write(run_dir: Path, resume_step: int, *records: dict[str, Any], end: int = 0) -> int:
    """Write records after a checkpoint that counts the file up to `end`; return what one of the last step counts."""
    sink = JsonlSink(run_dir, resume_step, end)
    for record in records:
        sink.write(record)
    sink.close()
    return sink.end_before(records[-1]["step"] if records else resume_step)


def test_a_record_is_one_line_and_written_at_once(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path, 0)
    sink.write(train(1))
    assert [json.loads(line) for line in lines(tmp_path)] == [train(1)]
    sink.close()


def test_a_step_without_a_loss_is_null_in_the_file_a_dash_on_the_console_and_nowhere_else(tmp_path: Path) -> None:
    nothing = {**train(1), "loss": None, "grad_norm": None, "supervised_tokens": 0}
    out = StringIO()
    sinks = (JsonlSink(tmp_path), TensorboardSink(tmp_path, 0), ConsoleSink(Console(file=out, width=200), 4, 0))
    for sink in sinks:
        sink.write(nothing)
        sink.close()
    assert [json.loads(line) for line in lines(tmp_path)] == [nothing]
    assert '"loss": null' in lines(tmp_path)[0]
    assert "loss -  lr 0.001  grad_norm -  " in out.getvalue()
    written = {tag for tag, _, _ in events(tmp_path)}
    assert "train/learning_rate" in written and not written & {"train/loss", "train/grad_norm"}


def test_a_summary_takes_the_first_and_the_last_loss_that_there_is() -> None:
    losses = [None, 3.0, 2.0, None]
    records = [{**train(step), "loss": loss} for step, loss in enumerate(losses, start=1)]
    assert phase_losses(records, "full")["train_loss"] == [3.0, 2.0]
    assert phase_losses(records[:1], "full")["train_loss"] == [None, None]


def test_records_after_the_checkpoint_are_dropped_at_resume(tmp_path: Path) -> None:
    end = write(tmp_path, 0, train(1), train(2))
    write(tmp_path, 2, train(3), end=end)
    write(tmp_path, 2, train(3), train(4), end=end)
    assert steps(tmp_path) == [("train", 1), ("train", 2), ("train", 3), ("train", 4)]


def test_a_validation_that_follows_the_checkpoint_is_done_again_at_resume(tmp_path: Path) -> None:
    end = write(tmp_path, 0, train(1), validation(1), train(2), validation(2))  # saved by a signal meanwhile
    assert end == write(tmp_path, 0, train(1), validation(1), train(2))
    write(tmp_path, 2, validation(2), end=end)
    assert steps(tmp_path) == [("train", 1), ("validation", 1), ("train", 2), ("validation", 2)]


@pytest.mark.parametrize("rest", ['{"event": "train", "st', '{"event": "train", "step": 2}', "\x00\x00", "5\n{}\n[]\n"])
def test_whatever_follows_the_records_of_a_checkpoint_is_dropped(rest: str, tmp_path: Path) -> None:
    end = write(tmp_path, 0, train(1))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(rest)
    write(tmp_path, 1, train(2), end=end)
    assert steps(tmp_path) == [("train", 1), ("train", 2)]


def test_a_new_run_begins_with_an_empty_file(tmp_path: Path) -> None:
    write(tmp_path, 0, train(1))
    write(tmp_path, 0)
    assert lines(tmp_path) == []


def test_what_a_checkpoint_counts_is_the_same_however_often_the_run_was_killed(tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    whole = write(tmp_path, 0, train(1), validation(1), train(2), train(3))
    first = write(tmp_path / "killed", 0, train(1), validation(1), train(2))
    write(tmp_path / "killed", 2, train(3), end=first)  # and died
    assert write(tmp_path / "killed", 2, train(3), end=first) == whole
    assert whole == (tmp_path / "metrics.jsonl").stat().st_size


# What is left of the records of steps 1 and 2, and what a run keeps that resumes after step 2.
LOST: dict[str, tuple[list[dict[str, Any]], list[int]]] = {
    "the last are gone": ([train(1)], [1]),
    "the first are gone": ([train(2)], [2]),
    "all are gone": ([], []),
    "all are gone, and a run that died wrote later ones": ([train(3), train(4), train(5)], []),
}


@pytest.mark.parametrize("case", LOST)
def test_where_records_are_lost_those_that_are_left_stay(case: str, tmp_path: Path) -> None:
    end = write(tmp_path, 0, train(1), train(2))
    assert has_records(tmp_path, 2, end)
    left, kept = LOST[case]
    write(tmp_path, 0, *left)
    assert not has_records(tmp_path, 2, end)
    write(tmp_path, 2, train(3), end=end)
    assert steps(tmp_path) == [("train", step) for step in [*kept, 3]]


def test_lines_that_are_no_records_are_counted(tmp_path: Path) -> None:
    assert read_records(tmp_path) == ([], 0)
    write(tmp_path, 0, train(1))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('5\n{}\n[]\n{"step": 9}\n{"step": "9", "event": "train"}\nnul\0')
    assert read_records(tmp_path) == ([train(1)], 6)


def test_tensorboard_goes_on_without_gap_or_duplicate(tmp_path: Path) -> None:
    records = [train(1), validation(1), train(2), train(3), validation(3), train(4)]
    opened = []
    for name, starts in (("killed", [(0, 6), (1, 3), (1, 5), (3, 2)]), ("whole", [(0, 6)])):
        (tmp_path / name).mkdir()
        for resume_step, count in starts:
            rest = [each for each in records if (each["step"], each["event"]) > (resume_step, "train")]
            before = "".join(f"{json.dumps(each)}\n" for each in records[: len(records) - len(rest)])
            sinks = open_sinks(tmp_path / name, resume_step, records_end=len(before))
            for record in rest[:count]:
                for sink in sinks:
                    sink.write(record)
            opened += sinks  # a killed process closes nothing
    assert events(tmp_path / "killed") == events(tmp_path / "whole")
    assert lines(tmp_path / "killed") == lines(tmp_path / "whole")
    for sink in opened:
        sink.close()


def test_tensorboard_goes_on_where_a_clock_was_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, records = time.time(), [{"event": "train", "step": step, "loss": float(step)} for step in range(11)]
    for process, back in enumerate((0, 3600, 3600, 1800, -5)):
        monkeypatch.setattr(time, "time", lambda back=back: now - back)
        sink = TensorboardSink(tmp_path, 2 * process, records[2 * process : 2 * process + 1] if process else [])
        for record in records[2 * process + 1 : 2 * process + 3]:
            sink.write(record)
        sink.close()
    assert events(tmp_path) == [("train/loss", step, float(step)) for step in range(1, 11)]


def test_tensorboard_has_every_number_of_every_record(tmp_path: Path) -> None:
    sinks = open_sinks(tmp_path, 0)
    for sink in sinks:
        sink.write(train(1))
        sink.write(validation(1))
        sink.close()
    found = set(events(tmp_path))
    assert {("train/loss", 1, 2.5), ("train/grad_norm", 1, 0.75), ("validation/tales/loss", 1, 1.5)} <= found
    assert {tag for tag, _, _ in found} == {
        *(f"train/{name}" for name in train(1) if name not in ("event", "step", "phase")),
        "validation/tales/loss",
    }


def console(terminal: bool = False) -> tuple[Console, StringIO]:
    out = StringIO()
    return Console(file=out, force_terminal=terminal, width=200, highlight=False, soft_wrap=True), out


def test_a_console_that_is_no_terminal_gets_plain_lines() -> None:
    plain, out = console()
    sink = ConsoleSink(plain, steps=4000, done=0)
    sink.write(train(2000))
    sink.write(validation(2000))
    sink.write({**validation(2000), "event": "evaluation", "perplexity": 4.4817})
    sink.close()
    assert out.getvalue() == (
        "full  stage 1  step 2,000/4,000  tokens 2M  loss 2.5000  lr 0.001  grad_norm 0.75  1.23k tokens/s  "
        "ETA 0:00:02\n"
        "full  step 2,000  validation  tales  loss 1.5000\n"
        "full  step 2,000  evaluation  tales  loss 1.5000  perplexity 4.482\n"
    )


class FullDisk(FileIO):
    """A file on a disk that has no room."""

    def write(self, _: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_log_that_cannot_be_written_ends_a_run_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FullDisk(tmp_path / "log", "w") as full:
        monkeypatch.setattr("sys.stdout", TextIOWrapper(full, write_through=True))
        with pytest.raises(Failure, match="cannot write standard output: No space left on device") as failure:
            RunConsole().print("a line")
        sys.stdout.detach()  # type: ignore[attr-defined]
    assert failure.value.exit_code is ExitCode.STORAGE


def test_the_time_left_counts_only_the_steps_of_this_process() -> None:
    plain, out = console()
    sink = ConsoleSink(plain, steps=1900, done=90)
    sink.write(train(100))
    assert out.getvalue().endswith("ETA 0:06:00\n")  # 10 steps took 2 s, and 1,800 are left


def test_a_terminal_gets_one_live_line_that_is_gone_at_the_end() -> None:
    live, out = console(terminal=True)
    sink = ConsoleSink(live, steps=4, done=0)
    sink.write(train(1))
    sink.write(validation(1))
    sink.close()
    assert "full  step 1  validation  tales  loss 1.5000" in out.getvalue()
    assert "1/4" in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K")


def test_preparation_is_one_line_where_there_is_no_terminal() -> None:
    plain, out = console()
    with preparation_bar(plain, "preparing tales", 100) as advance:
        advance(40)
    assert out.getvalue() == "preparing tales\n"


def test_a_long_preparation_says_now_and_then_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, out = console()
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(runner.metrics.console.time, "monotonic", lambda: next(clock))
    with preparation_bar(plain, "preparing tales", 100, done=10) as advance:
        for _ in range(4):
            advance(10, tokens=4000)
    first, *others = out.getvalue().splitlines()
    assert first == "preparing tales"
    assert others[-1].startswith("preparing tales: 50 %, ")
    assert re.fullmatch(r"preparing tales: \d0 %, [\d.]+ tokens/s, ETA 0:0\d:\d\d", others[0])
    live, out = console(terminal=True)
    monkeypatch.undo()
    with preparation_bar(live, "preparing tales", 100, done=10) as advance:
        advance(10, tokens=4000)
    assert "tokens/s ETA" in out.getvalue()
