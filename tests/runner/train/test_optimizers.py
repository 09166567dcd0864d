"""A run whose phases have optimizers of two kinds, Muon and Adafactor, resumes bitwise from within either."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runner.run.layout import checkpoints_of
from tests.runner.workplace import EVERY_STEP, Outcome, finish_run, lorarun

pytestmark = pytest.mark.slow  # whole runs

# Phase full is steps 1 and 2, phase lora 3 and 4; matrices of a side of 2 are factored, so that adapters of rank 2 are.
SETTINGS = (
    *EVERY_STEP,
    "optimization/optimizer=muon",
    "optimization/lora/optimizer=adafactor",
    "optimization/muon/ns_steps=2",
    "optimization/adafactor/min_dim_size_to_factor=2",
    "optimization/schedule=cosine",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `run` that kept the checkpoint of every step."""
    folder = tmp_path_factory.mktemp("whole")
    finish_run(folder, *SETTINGS, "checkpoint/keep=4")
    return folder


def execute(folder: Path) -> Outcome:
    settings = (f"--set={setting}" for setting in (*SETTINGS, "checkpoint/keep=4"))
    return lorarun(folder, "exec", "spec.yaml", "--run-dir", "run", *settings)


@pytest.mark.parametrize("step", [1, 3])
def test_a_run_that_lost_what_followed_a_step_ends_as_before(
    step: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    before = json.loads(Path("run/summary.json").read_text())
    for later in [each for each in checkpoints_of(Path("run")) if int(each.name) > step]:
        shutil.rmtree(later)
    Path("run/summary.json").unlink()
    if step < 2:
        shutil.rmtree("run/base")
    done = execute(tmp_path)
    assert done.exit_code == 0, done.stderr
    assert f"resuming run after step {step} of 4" in done.stdout
    assert json.loads(Path("run/summary.json").read_text()) == before
