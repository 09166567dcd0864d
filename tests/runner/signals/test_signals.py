"""SIGINT, SIGTERM and SIGUSR1 stop a run with 75 wherever it is; the same command ends as if nothing had happened."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from runner.signals.impatience import STOPPED_AT_ONCE
from tests.runner.interrupted_run import (
    finish,
    interrupt_when,
    preparing,
    reached,
    records,
    run_cycles,
    start,
    summary,
)
from tests.runner.workplace import SPEC, fill, lorarun

LONGER = SPEC.replace("root: stores", "root: data").replace("[256]", "[6400]")  # 50 steps a phase
STOPPED = "lorarun: stopped; nothing that was saved is lost, run the same command again"


def test_a_run_that_is_asked_to_stop_three_times_ends_as_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    (tmp_path / "spec.yaml").write_text(LONGER)
    with (tmp_path / "tales.jsonl").open("a") as file:
        file.writelines(
            f'{{"prompt": "", "completion": "line {number} of many that take a while"}}\n' for number in range(8_000)
        )

    status, output = interrupt_when(tmp_path, "stopped", preparing, signal.SIGINT)
    assert (status, output.splitlines()[-1]) == (75, STOPPED)
    assert not (tmp_path / "stopped").exists()
    assert list((tmp_path / "data").glob("*")) == []

    for number, step in ((signal.SIGINT, 3), (signal.SIGTERM, 53)):
        status, output = interrupt_when(tmp_path, "stopped", reached(step), number)
        saved = max(int(entry.name) for entry in (tmp_path / "stopped" / "checkpoints").iterdir())
        assert (status, saved >= step) == (75, True)
        assert output.splitlines()[-1] == (
            f"lorarun: stopped after step {saved:,}, which is saved; run the same command again"
        )

    finish(tmp_path, "stopped")
    monkeypatch.chdir(tmp_path)
    assert lorarun(tmp_path, "exec", "spec.yaml", "--run-dir", "whole").exit_code == 0
    assert summary(tmp_path / "stopped") == summary(tmp_path / "whole")
    assert records(tmp_path / "stopped") == records(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="tells what a process has loaded")
@pytest.mark.parametrize(
    ("library", "signals", "status", "sentence"),
    [
        ("jaxlib", ["SIGTERM"], 75, STOPPED),
        ("tensorstore", ["SIGTERM"], 75, STOPPED),
        ("jaxlib", ["SIGINT", "SIGINT"], 130, STOPPED_AT_ONCE),
    ],
)
def test_a_signal_while_libraries_are_loaded_is_not_lost(
    library: str, signals: list[str], status: int, sentence: str, tmp_path: Path
) -> None:
    prepare(tmp_path)
    with start(tmp_path, "run") as process:
        while library not in Path(f"/proc/{process.pid}/maps").read_text():
            assert process.poll() is None
        for name in signals:
            process.send_signal(signal.Signals[name])
            time.sleep(0.02)
        output, _ = process.communicate(timeout=120)
    assert (process.returncode, output.decode().splitlines()[-1]) == (status, sentence)
    assert not (tmp_path / "run").exists()


# Where the signal comes, in the order of the run; what was saved when it ended.
STAGES = {
    "preparation": (r"^before mkdir data/\.", None),
    "compilation": (r"^before compile$", None),
    "a step": (r"^after record train 3$", 3),
    "validation": (r"^before validation batch$", 5),
    "a save": (r"^before rename \S+/checkpoints/\.partial-7/manifest\.json$", 8),
    "the export": (r"^before mkdir \S+/\.partial-export/adapter$", None),
    "its proof": (r"^after rename \S+/\.partial-export/base/model\.safetensors$", None),
}


def prepare(folder: Path) -> None:
    """A run of 8 steps a phase, validated and saved now and then."""
    fill(folder)
    spec = SPEC.replace("root: stores", "root: data").replace("[256]", "[1024]")
    intervals = "{report_interval: 1, checkpoint_interval: 7, validation_interval: 5}"
    (folder / "spec.yaml").write_text(spec.replace("{report_interval: 1}", intervals))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR1"])
def test_a_signal_is_honoured_wherever_the_run_is(name: str, tmp_path: Path) -> None:
    prepare(tmp_path)
    cycles = [{"run_dir": "stopped", "event": event, "signals": [name]} for event, _ in STAGES.values()]
    ends = run_cycles(tmp_path, [*cycles, {"run_dir": "stopped"}, {"run_dir": "whole"}])
    log = (tmp_path / "log").read_text()
    assert [end["status"] >> 8 for end in ends] == [*[75] * len(STAGES), 0, 0], log
    sentences = [line for line in log.splitlines() if line.startswith("lorarun: stopped")]
    for sentence, (_, saved) in zip(sentences, STAGES.values(), strict=True):
        steps = [saved, saved + 1] if saved else []  # training goes on while a checkpoint is written
        assert not steps or any(f"stopped after step {step}, which is saved" in sentence for step in steps), sentences
    assert "Traceback" not in log
    assert summary(tmp_path / "stopped") == summary(tmp_path / "whole")
    assert records(tmp_path / "stopped") == records(tmp_path / "whole")


@pytest.mark.slow
def test_what_a_scheduler_sends_again_changes_no_exit_status(tmp_path: Path) -> None:
    prepare(tmp_path)
    with start(tmp_path, "run") as process:
        while not reached(3)(tmp_path, tmp_path / "run"):
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGUSR1)
        while process.poll() is None:  # until the last moment of its shutdown
            process.send_signal(signal.SIGTERM)
            time.sleep(0.02)
        output = process.communicate()[0].decode()
    assert (process.returncode, "Traceback" in output) == (75, False), output
    finish(tmp_path, "run")


# Where a second Ctrl-C comes: in code of Python's, and while a thread waits for a disk or a device that hangs.
IMPATIENT: list[dict[str, Any]] = [
    {"event": "^after record train 3$", "hangs": True},
    {"event": "^before validation batch$"},
    {"event": r"^before rename \S+/checkpoints/\.partial-7/manifest\.json$", "hangs": True},  # the thread that saves
    {"event": r"^before rename \S+/checkpoints/\.partial-14/manifest\.json$"},
    {"event": r"^before mkdir \S+/\.partial-export/adapter$", "hangs": True},
]


@pytest.mark.slow
def test_a_second_ctrl_c_stops_at_once_whatever_hangs(tmp_path: Path) -> None:
    prepare(tmp_path)
    twice = [{"run_dir": "stopped", "signals": ["SIGINT", "SIGINT"], **place} for place in IMPATIENT]
    once = {"run_dir": "other", "event": "^after record train 10$", "signals": ["SIGUSR1", "SIGTERM", "SIGINT"]}
    ends = run_cycles(tmp_path, [*twice, once, {"run_dir": "stopped"}, {"run_dir": "whole"}])
    log = (tmp_path / "log").read_text()
    assert [end["status"] >> 8 for end in ends] == [*[130] * len(twice), 75, 0, 0], log
    assert log.count(STOPPED_AT_ONCE) == len(twice), log
    assert max(end["seconds"] for end in ends[: len(twice)]) < 60  # what hangs does so for ever
    assert "Traceback" not in log
    assert summary(tmp_path / "stopped") == summary(tmp_path / "whole")
    assert records(tmp_path / "stopped") == records(tmp_path / "whole")
