"""A finished run that is opened again and dies is no finished run until it has come to its end again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runner.train.resume
from runner.checkpoint.intact import verify_checkpoint
from runner.files.digested_json import read_json
from runner.run.lock import locked
from tests.runner.interrupted_run import records, summary
from tests.runner.workplace import Outcome, finish_run, lorarun

pytestmark = pytest.mark.slow  # whole runs

MIXTURE = "[{name: tales, rate: 1.0, style: PADDED}]"
LONGER = ("training/post_lora_tokens=[256, 256]", f"training/post_lora_dataset=[{MIXTURE}, {MIXTURE}]")
EVERY_STEP = "logging/checkpoint_interval=1"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `run`: phase full ends at step 2, phase lora at 4."""
    folder = tmp_path_factory.mktemp("finished")
    finish_run(folder)
    return folder


def again(here: Path, *settings: str) -> Outcome:
    return lorarun(here, "exec", "spec.yaml", "--run-dir", "run", *(f"--set={setting}" for setting in settings))


def dies(here: Path, where: str, *settings: str) -> None:
    """Open the run with other settings, and let it die where this function is called."""

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, die)
        assert again(here, *settings).exit_code == 75


def state(here: Path) -> str:
    (found,) = json.loads(lorarun(here, "runs", "run", "--format", "json").stdout)["runs"]
    return found["state"]


# Where a resumed run dies, and with which settings.
DEATHS = {
    "before it is scored otherwise": ("runner.train.loop.compile_largest", "eval/evaluations=[tales_ppl]"),
    "before the first step of a further stage": ("runner.train.loop.compile_largest", *LONGER),
    "once a change was accepted": ("runner.train.session.Checkpoints", *LONGER),
    "in the export after a further stage": ("runner.export.export.commit", *LONGER),
}


@pytest.mark.parametrize("case", DEATHS)
def test_a_run_that_was_opened_again_and_died_is_not_finished(case: str, here: Path) -> None:
    where, *settings = DEATHS[case]
    dies(here, where, *settings)
    assert state(here) == "stopped"
    done = again(here, *settings)
    assert done.exit_code == 0, done.stderr
    assert "nothing is left to do" not in done.stdout
    assert state(here) == "finished"
    assert lorarun(here, "verify", "run").exit_code == 0


@pytest.mark.parametrize("case", list(DEATHS)[:3])
def test_a_run_that_goes_back_to_its_spec_has_its_own_end_and_records_again(
    case: str, here: Path, finished: Path
) -> None:
    where, *settings = DEATHS[case]
    dies(here, where, *settings)
    done = again(here)
    assert done.exit_code == 0, done.stderr
    assert summary(here / "run") == summary(finished / "run")
    assert records(here / "run") == records(finished / "run")
    assert state(here) == "finished"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize(
    "harm",
    [
        lambda export: flip(export / "adapter/adapter_model.safetensors"),
        lambda export: (export / "merged/model.safetensors").unlink(),
    ],
)
def test_an_export_that_was_damaged_is_made_again(harm: Callable[[Path], object], here: Path, finished: Path) -> None:
    harm(here / "run/export")
    done = again(here)
    assert done.exit_code == 0, done.stderr
    for part in ("base/model", "merged/model", "adapter/adapter_model"):
        made, before = (folder / f"run/export/{part}.safetensors" for folder in (here, finished))
        assert made.read_bytes() == before.read_bytes()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda run: (run / "summary.json").write_text("{"), "damaged"),
        (lambda run: shutil.rmtree(run / "base"), "damaged"),
        (lambda run: shutil.rmtree(run / "export"), "stopped"),
        (lambda run: (run / "plan.json").unlink(), "stopped"),
    ],
)
def test_a_run_that_lacks_a_part_is_not_finished(harm: Callable[[Path], object], told: str, here: Path) -> None:
    harm(here / "run")
    assert state(here) == told


@pytest.mark.parametrize("harm", [Path.unlink, lambda plan: plan.write_text("{")])
def test_a_plan_that_is_gone_is_written_again(harm: Callable[[Path], object], here: Path, finished: Path) -> None:
    harm(here / "run/plan.json")
    assert again(here).exit_code == 0
    digests = [read_json(folder / "run/plan.json")["digest"] for folder in (here, finished)]
    assert digests[0] == digests[1]
    assert state(here) == "finished"


def test_verify_misses_no_checkpoint_that_a_run_prunes_meanwhile(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pruned(folder: Path) -> Any:
        if folder.name == "2":
            shutil.rmtree(folder)
        return verify_checkpoint(folder)

    monkeypatch.setattr("runner.report.verify.verify_checkpoint", pruned)
    with locked(here / "run"):
        told = lorarun(here, "verify", "run")
    assert (told.exit_code, "checkpoints/2" in told.stdout) == (0, False), told.stdout


def test_where_steps_are_done_again_after_a_change_their_rates_are_reported(here: Path) -> None:
    shutil.rmtree(here / "run")
    every = (EVERY_STEP, "checkpoint/keep=9")
    lora_to_step_6 = "training/post_lora_tokens=[512]"
    lora_to_step_8 = ("training/post_lora_tokens=[512, 256]", LONGER[1])
    assert again(here, *every, lora_to_step_6).exit_code == 0
    lose(here, 6)
    assert "from here on the learning rate is that of the new plan" in again(here, *every, *lora_to_step_8).stdout
    lose(here, 5, 6, 7, 8)
    done = again(here, *every, *lora_to_step_8)
    assert done.exit_code == 0, done.stderr
    assert (
        "training/post_lora_dataset, training/post_lora_tokens changed after step 5: the steps up to there, which are "
        "done again, have the learning rate of the changed plan\n"
    ) in done.stdout


def lose(here: Path, *steps: int) -> None:
    """Take checkpoints away, and the word that the run is finished."""
    (here / "run/summary.json").unlink()
    for step in steps:
        shutil.rmtree(here / f"run/checkpoints/{step}")


def test_a_run_resumed_with_other_libraries_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "run/summary.json").unlink()
    monkeypatch.setattr(runner.train.resume, "computed_by", lambda: {"jax": "9.9", "lorarun": "0"})
    done = again(here)
    assert done.exit_code == 0, done.stderr
    assert "; the numbers may" not in done.stdout
    assert ", now 9.9; lorarun " in done.stdout
    assert ", now 0: the numbers may differ from those of a run that never stopped\n" in done.stdout


def test_a_refusal_for_masks_or_data_touches_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wet = ("optimization/lora/dropout=0.1", EVERY_STEP, "training/per_device_batch_size=-1")
    shutil.rmtree(here / "run")
    assert again(here, *wet).exit_code == 0
    shutil.rmtree(here / "run/checkpoints/4")
    (here / "run/summary.json").unlink()
    with monkeypatch.context() as patch:
        patch.setattr("runner.train.resume.batch_devices", lambda _: 2)
        refused = again(here, *wet, "checkpoint/keep=1")
    assert (refused.exit_code, refused.changed) == (78, set())
    assert "2 devices of 4 rows at once here, and 1 device of 4 rows before, so that dropout would" in refused.stderr
    described = ("validate", "--env", "spec.yaml", "--run-dir", "run", *(f"--set={setting}" for setting in wet))
    validated = lorarun(here, *described, "--devices", "2")
    assert "2 devices of 2 rows at once here, and 1 device of 4 rows before, so that dropout would" in validated.stdout
    shutil.rmtree(here / "run/base")
    with (here / "tales.jsonl").open("a") as file:
        file.write('{"prompt": "one more: ", "completion": "tale"}\n')
    refused = again(here, *wet)
    assert refused.exit_code == 78
    assert refused.stderr.endswith(
        "lorarun: the data of tales changed since step 3 of run was saved; bring it back, or start a new run "
        "with another --run-dir\n"
    )
    assert refused.changed == set()
    assert "LR227 data-refused]: the data of tales changed since step 3 of run" in lorarun(here, *described).stdout
