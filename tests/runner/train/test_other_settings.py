"""Runs with settings other than the defaults resume bitwise from within either phase.

Their phases have optimizers of two kinds, Muon and Adafactor, and each `architecture/remat` that is not the default.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.run.layout import checkpoints_of
from tests.runner.workplace import EVERY_STEP, finish_run, lorarun

pytestmark = pytest.mark.slow  # whole runs

# Phase full is steps 1 and 2, phase lora 3 and 4; matrices of a side of 2 are factored, so that adapters of rank 2 are.
OPTIMIZERS = (
    "optimization/optimizer=muon",
    "optimization/lora/optimizer=adafactor",
    "optimization/muon/ns_steps=2",
    "optimization/adafactor/min_dim_size_to_factor=2",
    "optimization/schedule=cosine",
    "architecture/remat=none",
)
REMAT = ("architecture/remat=full", "architecture/dropout=0.1", "optimization/lora/dropout=0.1")


@dataclass(frozen=True)
class Finished:
    """A folder with a finished run in `run` that kept the checkpoint of every step, and the settings of that run."""

    folder: Path
    settings: tuple[str, ...]


@pytest.fixture(scope="module", params=[OPTIMIZERS, REMAT], ids=["optimizers", "remat"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder, settings = tmp_path_factory.mktemp("whole"), (*EVERY_STEP, *request.param, "checkpoint/keep=4")
    finish_run(folder, *settings)
    return Finished(folder, settings)


@pytest.mark.parametrize("step", [1, 3])
def test_a_run_that_lost_what_followed_a_step_ends_as_before(
    step: int, whole: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole.folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    before = json.loads(Path("run/summary.json").read_text())
    for later in [each for each in checkpoints_of(Path("run")) if int(each.name) > step]:
        shutil.rmtree(later)
    Path("run/summary.json").unlink()
    if step < 2:
        shutil.rmtree("run/base")
    options = (f"--set={setting}" for setting in whole.settings)
    done = lorarun(tmp_path, "exec", "spec.yaml", "--run-dir", "run", *options)
    assert done.exit_code == 0, done.stderr
    assert f"resuming run after step {step} of 4" in done.stdout
    assert json.loads(Path("run/summary.json").read_text()) == before
