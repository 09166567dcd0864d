"""Every command has the same verdict on a bad spec: one exact sentence, its exit code, and nothing on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.plan.compile import compile_plan
from tests.runner.workplace import SPEC, fill, located, lorarun

EXEC = ("exec", "spec.yaml", "--run-dir", "run")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the commands, with a valid spec and its data."""
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_spec_that_does_not_exist(here: Path) -> None:
    for command in ("validate", "plan", "data", "exec"):
        done = lorarun(here, command, "no.yaml")
        assert (done.exit_code, done.stdout, done.changed) == (2, "", set())
        assert done.stderr == "lorarun: there is no file no.yaml\n"


# What is written, and the finding that every command prints for it.
SPECS = {
    "an empty file": (
        "",
        "1:1: error[LR001 yaml-syntax]: the file holds no keys",
        "start with a key such as 'training:'",
    ),
    "a list": (
        "- a\n- b\n",
        "1:1: error[LR001 yaml-syntax]: the file holds a list, not a mapping",
        "start with a key such as 'training:'",
    ),
    "a tab": (
        "training:\n\tbatch_size: 4\n",
        "2:1: error[LR001 yaml-syntax]: a tab stands here, where YAML takes spaces only",
        "write 2 spaces for each",
    ),
    "an unknown key": (
        SPEC.replace("validation_steps", "validation_step"),
        "8:3: error[LR003 unknown-key]: unknown key 'validation_step' in training",
        "write 'validation_steps'",
    ),
    "text for a number": (
        SPEC.replace("batch_size: 4", "batch_size: four"),
        "6:15: error[LR004 wrong-type]: training/batch_size is the text 'four', and a whole number is wanted",
        "write a whole number",
    ),
    "rates that add up to less": (
        SPEC.replace("rate: 1.0", "rate: 0.9", 1),
        "10:22: error[LR201 rates-not-one]: the only rate of training/pre_lora_dataset[0] is 0.9",
        "write 1",
    ),
    "more budgets than mixtures": (
        SPEC.replace("[256]", "[256, 256]", 1),
        "9:3: error[LR101 stage-count]: phase full has 2 budgets and 1 mixture",
        "give training/pre_lora_tokens and training/pre_lora_dataset one entry a stage",
    ),
    "a stage below one step": (
        SPEC.replace("[256]", "[63]", 1),
        "9:21: error[LR103 stage-under-one-step]: training/pre_lora_tokens[0] asks 63 tokens, and one step takes 128",
        "write 1280 or more (10 steps of 128), or lower training/batch_size",
    ),
    "a target that matches nothing": (
        SPEC.replace("all-linear", "[q_prj]"),
        "13:60: error[LR301 target-matches-nothing]: 'q_prj' matches no parameter of gpt",
        "write q_proj",
    ),
    "a vocabulary smaller than the tokenizer's": (
        SPEC.replace("320", "257"),
        "1:80: error[LR504 vocab-too-small]: vocab_size is 257, and the tokenizer byte has 258 ids",
        "write 320",
    ),
}


@pytest.mark.parametrize("text", SPECS)
def test_a_bad_spec_has_one_finding_for_every_command(text: str, here: Path) -> None:
    written, finding, remedy = SPECS[text]
    (here / "spec.yaml").write_text(written)
    refusing = [(arguments, 2) for arguments in (("plan", "spec.yaml"), ("data", "spec.yaml"), EXEC)]
    for arguments, exit_code in ((("validate", "spec.yaml"), 1), *refusing):
        done = lorarun(here, *arguments)
        assert (done.exit_code, done.changed) == (exit_code, set())
        assert located(done.stdout if exit_code == 1 else done.stderr) == (f"spec.yaml:{finding}", remedy)
        assert (done.stderr if exit_code == 1 else done.stdout) == ""


def test_a_mesh_that_the_devices_do_not_fill(here: Path) -> None:
    for arguments in (("plan", "spec.yaml"), EXEC):
        done = lorarun(here, *arguments, "--set", "mesh/tensor=2")
        assert (done.exit_code, done.changed) == (2, set())
        assert located(done.stderr)[0] == (
            "--set mesh/tensor=2:1:13: error[LR506 batch-not-on-mesh]: mesh (data -1 × fsdp 1 × tensor 2) needs a "
            "multiple of 2 devices, and there are 1"
        )


def test_a_batch_that_planned_devices_do_not_divide(here: Path) -> None:
    done = lorarun(here, "plan", "spec.yaml", "--devices", "3")
    assert (done.exit_code, done.stdout, done.changed) == (2, "", set())
    assert located(done.stderr)[0] == (
        "spec.yaml:6:15: error[LR506 batch-not-on-mesh]: training/batch_size 4 is no multiple of the 3 devices of "
        "mesh/data × mesh/fsdp"
    )


def test_a_batch_that_the_devices_do_not_divide(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.train.trainer.compile_plan", lambda spec, *_: compile_plan(spec, 3))
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (2, set())
    assert done.stderr == (
        "lorarun: training/batch_size 4 is no multiple of the 3 devices of mesh/data × mesh/fsdp; make it 6\n"
    )
