"""Signals stop a run with 75 wherever it is; the same command ends as if nothing had happened."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from runner.process.impatience import STOPPED_AT_ONCE
from tests.runner.interrupted_run import reached, records, run_cycles, start, summary
from tests.runner.process.other_settings import VARIABLES
from tests.runner.workplace import SPEC, fill, lorarun

STOPPED = "lorarun: stopped; nothing that was saved is lost, run the same command again"


def prepare(folder: Path) -> None:
    """Write the spec and the data of a run of 8 steps a phase, validated and saved now and then."""
    fill(folder)
    spec = SPEC.replace("root: stores", "root: data").replace("[256]", "[1024]")
    intervals = "{report_interval: 1, checkpoint_interval: 7, validation_interval: 5}"
    (folder / "spec.yaml").write_text(spec.replace("{report_interval: 1}", intervals))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run, finished without a signal."""
    folder = tmp_path_factory.mktemp("whole")
    prepare(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = lorarun(folder, "exec", "spec.yaml", "--run-dir", "run")
    assert done.exit_code == 0, done.stderr
    return folder / "run"


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


@pytest.mark.slow
def test_a_signal_while_data_are_prepared_leaves_nothing(tmp_path: Path) -> None:
    prepare(tmp_path)
    (end,) = run_cycles(tmp_path, [{"run_dir": "stopped", "event": r"^before mkdir data/\.", "signals": ["SIGINT"]}])
    assert (end["status"] >> 8, (tmp_path / "log").read_text().splitlines()[-1]) == (75, STOPPED)
    assert not (tmp_path / "stopped").exists()
    assert list((tmp_path / "data").glob("*")) == []


# Where a signal comes, in the order of the run, and after which step the run stops. One handler serves all signals, so
# that each comes at some stage.
STAGES = [
    ("SIGUSR2", r"^before compile$", None),
    ("SIGINT", r"^after record train 2$", 2),
    ("SIGHUP", r"^after record train 3$", 3),
    ("SIGXCPU", r"^before validation batch$", 5),
    ("SIGTERM", r"^before rename \S+/checkpoints/\.partial-7/manifest\.json$", 8),
    ("SIGUSR1", r"^after record train 11$", 11),
    ("SIGALRM", r"^before mkdir \S+/\.partial-export/adapter$", None),
    ("SIGTERM", r"^after rename \S+/\.partial-export/base/model\.safetensors$", None),  # its proof
]


@pytest.mark.slow
def test_a_signal_is_honoured_wherever_the_run_is(tmp_path: Path, whole: Path) -> None:
    prepare(tmp_path)
    cycles = [{"run_dir": "stopped", "event": event, "signals": [name]} for name, event, _ in STAGES]
    # Settings of jax and flax that are not those of a run change nothing, from its first step to its export.
    ends = run_cycles(tmp_path, [*cycles, {"run_dir": "stopped"}], **VARIABLES)
    log = (tmp_path / "log").read_text()
    assert [end["status"] >> 8 for end in ends] == [*[75] * len(STAGES), 0], log
    assert "JAX_ENABLE_X64=1, JAX_DEFAULT_PRNG_IMPL=rbg, " in log
    sentences = [line for line in log.splitlines() if line.startswith("lorarun: stopped")]
    for sentence, (_, _, saved) in zip(sentences, STAGES, strict=True):
        steps = [saved, saved + 1] if saved else []  # training continues while a checkpoint is written
        assert not steps or any(f"stopped after step {step}, which is saved" in sentence for step in steps), sentences
    assert "Traceback" not in log
    assert summary(tmp_path / "stopped") == summary(whole)
    assert records(tmp_path / "stopped") == records(whole)


@pytest.mark.slow
def test_what_a_scheduler_sends_again_changes_no_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    monkeypatch.chdir(tmp_path)
    assert lorarun(tmp_path, "exec", "spec.yaml", "--run-dir", "run").exit_code == 0


# Where a second Ctrl-C comes: in code of Python's, and while a thread waits for a disk or a device that hangs.
IMPATIENT: list[dict[str, Any]] = [
    {"event": "^after record train 3$", "hangs": True},
    {"event": r"^before rename \S+/checkpoints/\.partial-7/manifest\.json$", "hangs": True},  # the thread that saves
    {"event": r"^before rename \S+/checkpoints/\.partial-14/manifest\.json$"},
]


@pytest.mark.slow
def test_a_second_ctrl_c_stops_at_once_whatever_hangs(tmp_path: Path, whole: Path) -> None:
    prepare(tmp_path)
    twice = [{"run_dir": "stopped", "signals": ["SIGINT", "SIGINT"], **place} for place in IMPATIENT]
    once = {"run_dir": "other", "event": "^after record train 3$", "signals": ["SIGUSR1", "SIGTERM", "SIGINT"]}
    ends = run_cycles(tmp_path, [*twice, once, {"run_dir": "stopped"}])
    log = (tmp_path / "log").read_text()
    assert [end["status"] >> 8 for end in ends] == [*[130] * len(twice), 75, 0], log
    assert log.count(STOPPED_AT_ONCE) == len(twice), log
    assert max(end["seconds"] for end in ends[: len(twice)]) < 60  # what hangs does so for ever
    assert "Traceback" not in log
    assert summary(tmp_path / "stopped") == summary(whole)
    assert records(tmp_path / "stopped") == records(whole)
