"""A run goes on with a changed spec where nothing that was trained depends on it, and makes a fork elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.runner.workplace import Outcome, finish_run, lorarun

pytestmark = pytest.mark.slow  # whole runs

RESTAMPED = {"stores/tales/meta.json"}  # of a store that was copied: its files have new times
MIXTURE = [{"name": "tales", "rate": 1.0, "style": "PADDED"}]
FURTHER = ("training/post_lora_tokens=[256, 256]", "training/post_lora_dataset=" + str([MIXTURE, MIXTURE]))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `run`: phase full ends at step 2, phase lora at 4."""
    folder = tmp_path_factory.mktemp("finished")
    finish_run(folder)
    return folder


def execute(here: Path, *settings: str, run_dir: str = "run", fork: str | None = None) -> Outcome:
    options = [option for setting in settings for option in ("--set", setting)]
    return lorarun(here, "exec", "spec.yaml", "--run-dir", run_dir, *options, *(["--fork", fork] if fork else []))


def summary(run_dir: str) -> dict[str, Any]:
    return json.loads((Path(run_dir) / "summary.json").read_text())


def go_back_to_the_boundary(here: Path) -> None:
    shutil.rmtree(here / "run/checkpoints/4")
    (here / "run/summary.json").unlink()


def test_a_free_change_is_told_and_written_down(here: Path) -> None:
    go_back_to_the_boundary(here)
    same_bytes = "data/sources/tales/path=."  # beside which the run itself lies
    done = execute(here, "checkpoint/keep=2", "logging/report_interval=2", same_bytes)
    assert done.exit_code == 0, done.stderr
    assert (
        'changed: checkpoint/keep was 3, is 2\nchanged: data/sources/tales/path was "tales.jsonl", is "."\n'
        "changed: logging/report_interval was 1, is 2\n"
    ) in done.stdout
    noted = json.loads((here / "run/run.json").read_text())
    assert noted["spec"]["checkpoint/keep"] == 2
    (entry,) = noted["history"]
    assert (entry["step"], entry["changes"][0]) == (2, {"key": "checkpoint/keep", "before": "3", "now": "2"})
    again = execute(here, "checkpoint/keep=2", "logging/report_interval=2", same_bytes)
    assert "changed: " not in again.stdout


def test_a_longer_phase_that_has_not_begun_ends_as_if_it_had_always_been_so(here: Path) -> None:
    go_back_to_the_boundary(here)
    longer = "training/post_lora_tokens=[512]"
    done = execute(here, longer)
    assert done.exit_code == 0, done.stderr
    assert "changed: training/post_lora_tokens was [256], is [512]\n" in done.stdout
    assert execute(here, longer, run_dir="whole").exit_code == 0
    assert summary("run") == summary("whole")


def test_a_finished_run_goes_on_with_a_further_stage(here: Path) -> None:
    done = execute(here, *FURTHER)
    assert done.exit_code == 0, done.stderr
    assert "resuming run after step 4 of 6" in done.stdout
    assert summary("run")["steps"] == 6


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("training/seed=1", "training/seed was 0, is 1"),
        ("optimization/lora/rank=4", "optimization/lora/rank was 2, is 4"),
        ("training/pre_lora_tokens=[512]", "training/pre_lora_tokens was [256], is [512]"),
        ("training/post_lora_tokens=[512]", "training/post_lora_tokens was [256], is [512]"),  # it has begun
    ],
)
def test_a_breaking_change_is_refused_by_name(setting: str, named: str, here: Path) -> None:
    done = execute(here, setting)
    assert (done.exit_code, done.changed) == (78, set())
    assert named in done.stderr
    assert "--fork NAME" in done.stderr


def test_a_fork_starts_another_run_from_the_weights(here: Path) -> None:
    done = execute(here, "training/seed=1", fork="other")
    assert done.exit_code == 0, done.stderr
    assert "\nstarting other from run, step 4\n" in f"\n{done.stdout}"
    assert {path.split("/")[0] for path in done.changed - RESTAMPED} == {"other"}
    noted = json.loads((here / "other/run.json").read_text())
    assert noted["starting_point"] == str(here / "run")
    assert noted["start"]["path"] == str(here / "run/checkpoints/4")
    again = execute(here, "training/seed=1", fork="other")
    assert "other is finished; nothing is left to do" in again.stdout
    assert "starting" not in again.stdout


@pytest.mark.parametrize("name", ["", "..", "a/b", "/tmp/x", ".hidden"])
def test_a_fork_stays_beside_its_run(name: str, here: Path) -> None:
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "run", "--fork", name)
    assert (done.exit_code, done.changed) == (2, set())


def test_a_fork_needs_a_run_and_no_other_start(here: Path) -> None:
    assert execute(here, run_dir="nothing", fork="other").exit_code == 2
    assert execute(here, fork="run").exit_code == 2
    both = lorarun(here, "exec", "spec.yaml", "--run-dir", "run", "--fork", "other", "--restore", "run")
    assert both.exit_code == 2
    assert "leave out --restore" in both.stderr


def test_a_spec_that_has_no_plan_is_compared_with_no_run(here: Path) -> None:
    (here / "runs").mkdir()
    (here / "run").rename(here / "runs/spec")
    done = lorarun(here, "validate", "spec.yaml", "--env", "--set", "training/pre_lora_tokens=[256, 256]")
    assert (done.exit_code, done.stdout.count("error[")) == (1, 1)
    assert "error[LR101 stage-count]" in done.stdout


def test_a_fork_of_which_nothing_is_saved_starts_from_what_its_run_has_kept(here: Path) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runner.train.loop.compile_largest", die)
        assert execute(here, "training/seed=1", fork="other").exit_code == 75
    assert execute(here, *FURTHER, "checkpoint/keep=1").exit_code == 0  # the run goes on to step 6, and lets 4 go
    assert not (here / "run/checkpoints/4").exists()
    done = execute(here, "training/seed=1", fork="other")
    assert done.exit_code == 0, done.stderr
    gone, newest = (here / f"run/checkpoints/{step}" for step in (4, 6))
    assert f"{gone} is gone, and nothing of this run is saved yet: it starts from {newest}\n" in done.stdout
    assert json.loads((here / "other/run.json").read_text())["start"]["path"] == str(newest)
    shutil.rmtree(newest)
    shutil.rmtree(here / "other/checkpoints")
    assert execute(here, "training/seed=1", fork="other").exit_code == 74  # it had been saved
