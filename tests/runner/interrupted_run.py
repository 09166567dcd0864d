"""A run in a process of its own, in a folder with its spec and data, that tests kill or signal at chosen moments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import pytest

Moment = Callable[[Path, Path], bool]  # of the folder and the run directory


def start(folder: Path, run_dir: str) -> subprocess.Popen[bytes]:
    """Begin `lorarun exec spec.yaml --run-dir <run_dir>`; what is compiled is kept for the next process."""
    command = [sys.executable, "-m", "runner.cli", "exec", "spec.yaml", "--run-dir", run_dir]
    return subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def environment(folder: Path) -> dict[str, str]:
    """The environment of a process that runs this checkout and keeps what it compiles."""
    return {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir or folder / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


def run_cycles(folder: Path, cycles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run the spec for the cycles of `dying_runs`; return run_dir, status, seconds of each. Output is in `log`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.runner.dying_runs", "log"],
        cwd=folder,
        env=environment(folder),
        input=json.dumps(cycles),
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def interrupt_when(folder: Path, run_dir: str, moment: Moment, number: signal.Signals) -> tuple[int, str]:
    """Run the command until the moment comes, then send it a signal; return its exit status and output.

    A run that ends before has missed the moment, and fails the test.
    """
    process = start(folder, run_dir)
    deadline = time.monotonic() + 120
    while not moment(folder, folder / run_dir):
        if process.poll() is not None:
            assert process.stdout is not None
            pytest.fail(f"ended before the moment came: {process.stdout.read().decode()}")
        assert time.monotonic() < deadline
        time.sleep(0.0005)
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    return process.returncode, output.decode()


def finish(folder: Path, run_dir: str) -> None:
    """Run the command to its end."""
    output, _ = (process := start(folder, run_dir)).communicate(timeout=120)
    assert process.returncode == 0, output.decode()


def reached(step: int) -> Moment:
    """A step of the run was reported."""

    def moment(_: Path, run: Path) -> bool:
        metrics = run / "metrics.jsonl"
        return metrics.exists() and f'"event": "train", "step": {step},' in metrics.read_text()

    return moment


def preparing(folder: Path, _: Path) -> bool:
    """A token store is being made."""
    return any((folder / "data").glob(".*partial*"))


def summary(run: Path) -> dict[str, Any]:
    """What a finished run says of itself."""
    return json.loads((run / "summary.json").read_text())


def records(run: Path) -> list[dict[str, Any]]:
    """Every record of a run without its times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if name not in ("seconds", "tokens_per_second")} for line in lines
    ]
