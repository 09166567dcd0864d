"""Runs with settings other than the defaults resume bitwise from within either phase.

Their phases have optimizers of two kinds, Muon and Adafactor, and each `architecture/remat` that is not the default.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
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
DROPOUT = ("architecture/dropout=0.1", "optimization/lora/dropout=0.1")
# On a device that tells its memory: the rows that fit are searched, and kept where masks are drawn for them.
SEARCHED = ("architecture/remat=full", "training/per_device_batch_size=-1", *DROPOUT)
ASK_MEMORY = ("compiled", "fitting", "resume", "trainer")  # modules of runner.train


@dataclass(frozen=True)
class Finished:
    """A folder with a finished run in `run` that kept the checkpoint of every step, and the settings of that run."""

    folder: Path
    settings: tuple[str, ...]


@pytest.fixture(scope="module", params=[OPTIMIZERS, SEARCHED], ids=["optimizers", "searched"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder, settings = tmp_path_factory.mktemp("whole"), (*EVERY_STEP, *request.param, "checkpoint/keep=4")
    with pytest.MonkeyPatch.context() as patch:
        if request.param is SEARCHED:
            for module in ASK_MEMORY:
                patch.setattr(f"runner.train.{module}.device_memory", lambda: 2**30)
        done = finish_run(folder, *settings)
        if request.param is SEARCHED:
            assert re.search(r"phase full: micro-batch 4 rows × 1, [\d.]+ KiB of 1.0 GiB, compiled in", done.stdout)
            noted = json.loads((folder / "run/run.json").read_text())["micro_batches"]
            assert {phase: found["rows"] for phase, found in noted.items()} == {"full": 4, "lora": 4}
        yield Finished(folder, settings)


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
