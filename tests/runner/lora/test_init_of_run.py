"""A run's export is where another begins: its first loss is that of the exported model; other adapters are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from runner.files.digested_json import read_json
from tests.runner.workplace import finish_run, lorarun

pytestmark = pytest.mark.slow  # whole runs

ALONE = ("training/pre_lora_tokens=[]", "training/pre_lora_dataset=[]", "export/merged=false", "export/adapter=false")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `run`, whose adapters act: they learned fast."""
    folder = tmp_path_factory.mktemp("finished")
    finish_run(folder, "optimization/lora/lr=0.3", "export/merged=false")
    return folder


def begun(here: Path, run_dir: str, *settings: str) -> Any:
    """Phase lora alone, on the weights that phase full ended with, for one step."""
    weights = ("--restore", "run/checkpoints/2")
    more = [f"--set={setting}" for setting in (*ALONE, *settings)]
    return lorarun(here, "exec", "spec.yaml", "--run-dir", run_dir, *weights, *more)


def losses(run_dir: Path, event: str = "train") -> list[float]:
    records = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [record["loss"] for record in records if record["event"] == event]


def test_the_first_loss_is_that_of_the_exported_model(here: Path) -> None:
    shutil.copytree(here / "run/export/adapter", here / "mine")
    settings = ("optimization/lora/init=mine", "optimization/lora/lr=1e-9")
    done = begun(here, "next", *settings)
    assert done.exit_code == 0, done.stderr
    plain, *_, exported = losses(here / "run", "validation")  # of phase full, and of phase lora
    scored = losses(here / "next", "validation")[-1]
    assert scored == pytest.approx(exported, abs=1e-6)
    assert abs(plain - scored) > 0.01
    noted = read_json(here / "next/run.json")["init"]
    assert noted["path"] == str(here / "mine")

    shown = lorarun(here, "plan", "spec.yaml", "--set", settings[0])
    assert " parameters, begun as those of mine\n" in shown.stdout

    stage = "[{name: tales, rate: 1.0, style: PADDED}]"
    longer = ("training/post_lora_tokens=[256, 256]", f"training/post_lora_dataset=[{stage}, {stage}]")
    for more in ((), longer):
        tensors = load_file(here / "mine/adapter_model.safetensors")
        save_file({name: 2 * array for name, array in tensors.items()}, here / "mine/adapter_model.safetensors")
        refused = begun(here, "next", *settings, *more)
        assert (refused.exit_code, refused.changed) == (78, set())
        assert "files are others now" in refused.stderr
        assert f"{here}/mine/adapter_model.safetensors" in refused.stderr
    shutil.rmtree(here / "mine")  # phase lora has begun, and needs it no more
    done = begun(here, "next", *settings, *longer)
    assert done.exit_code == 0, done.stderr


def test_an_adapter_of_another_spec_is_refused_before_anything_is_made(here: Path) -> None:
    refused = begun(here, "next", "optimization/lora/init=run/export/adapter", "optimization/lora/rank=3")
    assert (refused.exit_code, refused.changed) == (2, set())
    assert "phase lora can't start from 'run/export/adapter': rank is 3 here and 2 there" in refused.stderr
    refused = begun(here, "next", "optimization/lora/init=run/export/base")
    assert (refused.exit_code, refused.changed) == (2, set())
    assert "'run/export/base' holds no adapter_config.json" in refused.stderr
    path = here / "run/export/adapter/adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-20])
    refused = begun(here, "next", "optimization/lora/init=run/export/adapter")
    assert (refused.exit_code, refused.changed) == (74, set())
    assert refused.stderr.splitlines()[-1].endswith("get the whole adapter again")
