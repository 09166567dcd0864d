"""`lorarun exec` at the edge: odd specs, two processes, a run that is asked for more, weights that move away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.run.lock import locked
from tests.runner.data.written_store import belongs_to_val
from tests.runner.interrupted_run import environment
from tests.runner.workplace import SPEC, Outcome, fill, lorarun

pytestmark = pytest.mark.slow  # whole runs


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a valid spec without exports and its data."""
    fill(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC + "export: {merged: false, adapter: false}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def execute(here: Path, run_dir: str, *settings: str, restore: str | None = None) -> Outcome:
    options = [part for setting in settings for part in ("--set", setting)]
    return lorarun(
        here, "exec", "spec.yaml", "--run-dir", run_dir, *(["--restore", restore] if restore else []), *options
    )


def records(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def write_pairs(here: Path, pairs: list[tuple[str, str]]) -> None:
    lines = (json.dumps({"prompt": prompt, "completion": completion}) + "\n" for prompt, completion in pairs)
    (here / "tales.jsonl").write_text("".join(lines))


def test_one_row_a_step_two_styles_of_a_dataset_and_a_folder_with_brackets(here: Path) -> None:
    write_pairs(here, [(f"tale {number}: ", f"{number * 7919 % 1000} times round") for number in range(600)])
    mixture = "[[{name: tales, rate: 0.5, style: PMD}, {name: tales, rate: 0.5, style: PADDED}]]"
    done = execute(
        here,
        "runs/[/q]",
        *("training/batch_size=1", "training/per_device_batch_size=1"),
        f"training/pre_lora_dataset={mixture}",
        "eval/evaluations=['tales:PADDED_ppl']",
    )
    assert done.exit_code == 0, done.stderr
    assert "runs/[/q]: checkpoints/" in done.stdout
    assert {(record["event"], record["dataset"]) for record in records(here / "runs/[/q]") if "dataset" in record} == {
        ("validation", "tales"),
        ("validation", "tales:PADDED"),
        ("evaluation", "tales:PADDED"),
    }


def test_a_finished_run_is_scored_again_when_another_score_is_asked(here: Path) -> None:
    assert execute(here, "run").exit_code == 0
    weights = json.loads((here / "run/summary.json").read_text())["weights_digest"]
    quieter = execute(here, "run", "logging/report_interval=2", "checkpoint/keep=1")
    assert (quieter.exit_code, quieter.changed) == (0, set())
    assert quieter.stdout.startswith("run is finished; nothing is left to do\n")
    scored = execute(here, "run", "eval/evaluations=[tales_ppl]")
    assert scored.exit_code == 0, scored.stderr
    assert [record["step"] for record in records(here / "run") if record["event"] == "evaluation"] == [4]
    assert [record["step"] for record in records(here / "run") if record["event"] == "train"] == [1, 2, 3, 4]
    assert json.loads((here / "run/summary.json").read_text())["weights_digest"] == weights


def test_validation_rows_without_a_supervised_token_are_refused_before_the_first_step(here: Path) -> None:
    long = [("a prompt that fills the whole row " + str(number), "never seen") for number in range(400)]
    short = [("", f"seen {number}") for number in range(400)]
    kept = [pair for pair in long if belongs_to_val("".join(pair))]
    assert kept
    write_pairs(here, [kept[0], *short])
    done = execute(here, "run", "training/validation_steps=1")
    assert done.exit_code == 2
    assert done.stderr == (
        "lorarun: the first 1 validation rows of dataset 'tales' have no supervised token; raise "
        "architecture/block_size or training/validation_steps\n"
    )
    assert not (here / "run").exists()


def test_a_run_directory_has_one_process_at_a_time(here: Path) -> None:
    (here / "run").mkdir()
    done = execute(here, "run")
    assert done.exit_code == 0, done.stderr
    with locked(here / "run"):
        again = execute(here, "run", "eval/evaluations=[tales_ppl]")
    assert again.exit_code == 78
    assert again.stderr.startswith(f"lorarun: run is being run by another process (pid {os.getpid()} on ")
    assert again.stderr.endswith("); wait for it, or stop it first\n")


LORA_ONLY = ("training/pre_lora_tokens=[]", "training/pre_lora_dataset=[]")


def dies_before_its_first_step(here: Path, run_dir: str, restore: str) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runner.train.loop.compile_largest", die)
        assert execute(here, run_dir, *LORA_ONLY, restore=restore).exit_code == 75


def test_a_run_starts_from_the_weights_that_it_was_begun_with(here: Path) -> None:
    mixture = "[{name: tales, rate: 1.0, style: PADDED}]"
    assert execute(here, "first").exit_code == 0
    dies_before_its_first_step(here, "second", "first")
    longer = ("training/post_lora_tokens=[256, 256]", f"training/post_lora_dataset=[{mixture}, {mixture}]")
    assert execute(here, "first", *longer).exit_code == 0
    assert execute(here, "second", *LORA_ONLY, restore="first").exit_code == 0
    noted = json.loads((here / "second/run.json").read_text())["start"]
    assert noted["path"] == str(here / "first/checkpoints/4")
    assert execute(here, "third", *LORA_ONLY, restore="first/checkpoints/4").exit_code == 0
    assert records(here / "second")[0]["loss"] == records(here / "third")[0]["loss"]


def test_a_run_starts_from_no_other_checkpoint_than_was_named(here: Path) -> None:
    assert execute(here, "first").exit_code == 0
    dies_before_its_first_step(here, "second", "first/checkpoints/4")
    shutil.rmtree(here / "first/checkpoints/4")
    gone = execute(here, "second", *LORA_ONLY, restore="first/checkpoints/4")
    assert gone.exit_code == 78
    assert "this run began with the weights of" in gone.stderr


def test_a_run_that_has_saved_starts_from_no_other_checkpoint_to_mend_its_base(here: Path) -> None:
    assert execute(here, "first").exit_code == 0
    assert execute(here, "second", *LORA_ONLY, restore="first").exit_code == 0
    (here / "first/checkpoints/4").rename(here / "first/checkpoints/.kept")  # its run has let it go
    shutil.rmtree(here / "second/base")
    gone = execute(here, "second", *LORA_ONLY, restore="first")
    assert (gone.exit_code, gone.changed) == (78, set())
    (here / "first/checkpoints/.kept").rename(here / "first/checkpoints/4")
    assert execute(here, "second", *LORA_ONLY, restore="first").exit_code == 0


def test_a_run_starts_from_no_other_training_under_the_same_name(here: Path) -> None:
    assert execute(here, "first").exit_code == 0
    dies_before_its_first_step(here, "second", "first")
    shutil.rmtree(here / "first")
    assert execute(here, "first", "training/seed=1").exit_code == 0
    assert execute(here, "second", *LORA_ONLY, restore="first").exit_code == 78


def test_with_dropout_the_cut_of_a_batch_belongs_to_the_run(here: Path) -> None:
    assert execute(here, "dry").exit_code == 0
    assert execute(here, "dry", "training/per_device_batch_size=1").exit_code == 0
    assert execute(here, "wet", "architecture/dropout=0.1").exit_code == 0
    done = execute(here, "wet", "architecture/dropout=0.1", "training/per_device_batch_size=1")
    assert done.exit_code == 78
    assert "training/per_device_batch_size was 2, is 1" in done.stderr


def test_an_update_that_overflows_is_not_saved(here: Path) -> None:
    done = execute(here, "run", "optimization/lr=0.5", "optimization/weight_decay=1e38")
    assert done.exit_code == 76
    assert "step 1: the loss, its gradient or the update is not finite" in done.stderr
    assert list((here / "run/checkpoints").iterdir()) == []


def test_training_goes_on_when_nobody_reads_its_output(here: Path) -> None:
    command = [sys.executable, "-m", "runner.cli", "exec", "spec.yaml", "--run-dir", "run"]
    with subprocess.Popen(
        command, cwd=here, env=environment(here), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(120) == 0
    assert (here / "run/summary.json").exists()


def test_the_checkpoints_with_the_best_validation_are_kept(here: Path) -> None:
    keys = ("checkpoint/keep=1", "checkpoint/best=1", "logging/checkpoint_interval=1", "logging/validation_interval=1")
    longer = ("training/pre_lora_tokens=[1024]", "optimization/lr=0.3", "training/decay_pct=0.0")
    assert execute(here, "run", *keys, *longer).exit_code == 0
    losses = {each["step"]: each["loss"] for each in records(here / "run") if each["event"] == "validation"}
    full, lora = range(1, 9), range(9, 11)
    best = {min(steps, key=lambda step: (losses[step], -step)) for steps in (full, lora)}
    assert {int(entry.name) for entry in (here / "run/checkpoints").iterdir() if entry.is_dir()} == best | {8, 10}
