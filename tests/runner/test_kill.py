"""A run killed with SIGKILL at ten moments ends as an uninterrupted one, bitwise."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SPEC = """
architecture: {n_layers: 2, n_embd: 32, n_head: 2, block_size: 32, vocab_size: 320, dropout: 0.1}
data:
  root: data
  sources:
    tales: {path: tales.jsonl}
    notes: {path: notes}
training:
  batch_size: 4
  validation_steps: 8
  pre_lora_tokens: [1024, 1024]
  pre_lora_dataset:
    - [{name: notes, rate: 1.0, style: PMD}]
    - [{name: notes, rate: 0.7, style: PMD}, {name: tales, rate: 0.3, style: PADDED}]
  post_lora_tokens: [1280]
  post_lora_dataset: [[{name: tales, rate: 1.0, style: PADDED}]]
optimization: {lr: 0.003, lora: {rank: 2, target_modules: [attn, mlp], dropout: 0.1}}
logging: {report_interval: 1, checkpoint_interval: 3, validation_interval: 5}
"""
BOUNDARY, LAST = 16, 26


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with a spec and two small datasets; preparing `notes` takes long enough to be interrupted."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    with (tmp_path / "tales.jsonl").open("w") as file:
        for number in range(400):
            record = {"prompt": f"tale {number}: ", "completion": f"{number * 7919 % 1000} times round the lake"}
            file.write(json.dumps(record) + "\n")
    (tmp_path / "notes").mkdir()
    for number in range(1500):
        (tmp_path / "notes" / f"{number:04}.txt").write_text(f"note {number}: " + "a quick brown fox " * (number % 17))
    return tmp_path


def start(workplace: Path, run_dir: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "runner.cli", "exec", "spec.yaml", "--run-dir", run_dir]
    path = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": path, "JAX_COMPILATION_CACHE_DIR": str(workplace / "cache")}
    return subprocess.Popen(command, cwd=workplace, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def kill_when(workplace: Path, moment: Callable[[Path, Path], bool]) -> None:
    """Run the command until the moment comes, then kill it; a run that ends before has missed it."""
    process = start(workplace, "killed")
    deadline = time.monotonic() + 120
    while not moment(workplace, workplace / "killed"):
        if process.poll() is not None:
            assert process.stdout is not None
            pytest.fail(f"ended before the moment came: {process.stdout.read().decode()}")
        assert time.monotonic() < deadline
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def finish(workplace: Path, run_dir: str) -> None:
    output, _ = (process := start(workplace, run_dir)).communicate(timeout=120)
    assert process.returncode == 0, output.decode()


def reached(step: int) -> Callable[[Path, Path], bool]:
    def moment(_: Path, run: Path) -> bool:
        metrics = run / "metrics.jsonl"
        return metrics.exists() and f'"event": "train", "step": {step},' in metrics.read_text()

    return moment


def saving(first: int) -> Callable[[Path, Path], bool]:
    """A checkpoint of this step or later is being written."""

    def moment(_: Path, run: Path) -> bool:
        folder = run / "checkpoints"
        partial = [entry.name for entry in folder.iterdir() if "tmp" in entry.name] if folder.exists() else []
        return any(int(name.split(".")[0]) >= first for name in partial)

    return moment


MOMENTS: dict[str, Callable[[Path, Path], bool]] = {
    "preparation": lambda workplace, _: any((workplace / "data").glob(".*partial*")),
    "before the first step": lambda _, run: (run / "metrics.jsonl").exists(),
    "a step of phase full": reached(2),
    "a save of phase full": saving(3),
    "a later step of phase full": reached(11),
    "the boundary checkpoint": lambda _, run: (run / "checkpoints" / str(BOUNDARY)).exists(),
    "the frozen base": lambda _, run: any(run.glob("base*")),
    "a step of phase lora": reached(BOUNDARY + 2),
    "a save of phase lora": saving(BOUNDARY + 3),
    "the last step": reached(LAST),
}


def records(run: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if name not in ("seconds", "tokens_per_second")} for line in lines
    ]


def test_a_run_killed_at_ten_moments_ends_as_an_uninterrupted_one(workplace: Path) -> None:
    for moment in MOMENTS.values():
        kill_when(workplace, moment)
    finish(workplace, "killed")
    finish(workplace, "whole")
    killed, whole = (json.loads((workplace / name / "summary.json").read_text()) for name in ("killed", "whole"))
    assert killed == whole  # with the digests of base, adapters and tokens, and the ledger
    assert records(workplace / "killed") == records(workplace / "whole")  # losses and token digests of every step
    assert not list((workplace / "data").glob(".*"))
