"""A run in a process of its own, in a folder with its spec and data, that tests kill or signal at chosen moments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

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


def eight_devices(folder: Path) -> dict[str, str]:
    """The environment of such a process that sees eight devices."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    return {**environment(folder), "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


def run_cycles(folder: Path, cycles: list[dict[str, Any]], **variables: str) -> list[dict[str, Any]]:
    """Run the spec for the cycles of `dying_runs`; return run_dir, status, seconds of each. Output is in `log`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.runner.dying_runs", "log"],
        cwd=folder,
        env={**environment(folder), **variables},
        input=json.dumps(cycles),
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def reached(step: int) -> Moment:
    """A step of the run was reported."""

    def moment(_: Path, run: Path) -> bool:
        metrics = run / "metrics.jsonl"
        return metrics.exists() and f'"event": "train", "step": {step},' in metrics.read_text()

    return moment


TIMES = ("seconds", "tokens_per_second", "wait_share")  # of a record


def summary(run: Path) -> dict[str, Any]:
    """What a finished run says of itself."""
    return json.loads((run / "summary.json").read_text())


def records(run: Path) -> list[dict[str, Any]]:
    """Every record of a run without its times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]
