"""After a fault of the disk a run resumes from what is intact and ends as it would have; each file is hashed once."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

import runner.files.seal
from runner.checkpoint.save import Checkpoints
from tests.runner.interrupted_run import summary
from tests.runner.three_arrays import arrays_file, flip
from tests.runner.workplace import NO_EXPORT, lorarun
from tests.runner.workplace import RUN_EVERY_STEP as RUN

pytestmark = pytest.mark.slow  # whole runs

LORA_ONLY = ("training/pre_lora_tokens=[]", "training/pre_lora_dataset=[]", *NO_EXPORT)


@pytest.fixture(scope="module")
def finished(saved_each_step: Path) -> Path:
    """A folder with a finished run in `run`: phase full ends at step 2, phase lora at 4."""
    return saved_each_step


@pytest.fixture
def here(here: Path) -> Path:
    """A copy of that folder as it was before the run said that it is done."""
    (here / "run/summary.json").unlink()
    return here


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file of a checkpoint or a base is hashed, as a path with its run."""
    found: Counter[str] = Counter()
    digest = runner.files.seal._digest

    def counted(path: Path) -> str:
        found[path.resolve().as_posix().rpartition("/run/")[2]] += 1
        return digest(path)

    monkeypatch.setattr(runner.files.seal, "_digest", counted)
    return found


def files_of(*folders: Path) -> set[str]:
    """The files of sealed folders but their manifests, as paths within their run."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.as_posix().rpartition("/run/")[2] for path in paths if path.name != "manifest.json"}


def test_a_resume_hashes_each_file_of_checkpoint_and_base_once(here: Path, hashed: Counter[str]) -> None:
    expected = files_of(here / "run/checkpoints/4", here / "run/base")
    done = lorarun(here, *RUN)
    assert (done.exit_code, "resuming run after step 4 of 4" in done.stdout) == (0, True)
    assert hashed == dict.fromkeys(expected, 1)


def test_a_start_from_another_run_hashes_each_of_its_files_once(here: Path, hashed: Counter[str]) -> None:
    expected = files_of(here / "run/checkpoints/4", here / "run/base")
    settings = [option for setting in LORA_ONLY for option in ("--set", setting)]
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "new", *settings, "--restore", "run")
    assert done.exit_code == 0, done.stderr
    own = {path for path in hashed if path not in expected}
    assert {path: times for path, times in hashed.items() if path in expected} == dict.fromkeys(expected, 1)
    assert all("/new/" in path for path in own)


def test_checkpoints_that_are_damaged_are_set_aside_and_trained_again(here: Path, finished: Path) -> None:
    for step in ("3", "4"):
        flip(arrays_file(here / "run/checkpoints" / step))
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert "resuming run after step 2 of 4" in done.stdout
    for step in ("3", "4"):
        assert f"run/checkpoints/{step} is no intact checkpoint: the bytes of state" in done.stdout
        assert f" have changed; it is now run/damaged/{step}\n" in done.stdout
    assert summary(here / "run") == summary(finished / "run")


def test_a_base_that_is_damaged_while_the_run_trains_is_repaired_by_the_next_call(
    here: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(here / "run/checkpoints/4")
    close = Checkpoints.close

    def lose(self: Checkpoints) -> None:
        close(self)
        flip(arrays_file(here / "run/base"))

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "close", lose)
        assert lorarun(here, *RUN).exit_code == 0
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert "run/base is not intact: the bytes of state" in done.stdout
    assert " have changed; it was made again from the end of phase full\n" in done.stdout
    assert (here / "run/damaged/base").is_dir()
    assert summary(here / "run") == summary(finished / "run")


def test_a_finished_run_that_lost_its_end_trains_it_again(here: Path, finished: Path) -> None:
    shutil.copy(finished / "run/summary.json", here / "run/summary.json")
    shutil.rmtree(here / "run/checkpoints/4")
    done = lorarun(here, *RUN)
    assert (done.exit_code, "resuming run after step 3 of 4" in done.stdout) == (0, True)
    assert (here / "run/checkpoints/4").is_dir()
    assert summary(here / "run") == summary(finished / "run")
