"""A run that began with a Hugging Face folder, resumed: with the folder as it was, changed, moved away."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json, write_facts
from runner.run.execution import ExecutionSpec
from runner.run.inspect import check_run_dir
from schema.lint import load_spec
from tests.runner.weights.model_folders import write_folder
from tests.runner.weights.test_pretrained_run import CONFIG, LORA_ALONE
from tests.runner.workplace import EVERY_STEP, RUN_EVERY_STEP, fill, lorarun

SETTINGS = tuple(f"--set={setting}" for setting in EVERY_STEP)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run of two steps, from a model with a tokenizer, was saved after each and is not finished."""
    folder = tmp_path_factory.mktemp("saved")
    fill(folder)
    (folder / "spec.yaml").write_text(LORA_ALONE)
    write_folder(folder / "model", CONFIG, shards=2)
    (folder / "model/tokenizer_config.json").write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = lorarun(folder, *RUN_EVERY_STEP)
    assert done.exit_code == 0, done.stderr
    shutil.rmtree(folder / "run/checkpoints/2")
    (folder / "run/summary.json").unlink()
    return folder


@pytest.fixture
def stopped(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, which is the working directory; its run noted where the model lies now."""
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    noted = read_json(tmp_path / "run/run.json")
    moved = {"starting_point": str(tmp_path / "model"), "start": {**noted["start"], "path": str(tmp_path / "model")}}
    write_facts(tmp_path / "run/run.json", {**noted, **moved})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def flip(path: Path) -> None:
    """Change the last bit of a file, and set its time back."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a key of the config": (
        lambda model: (model / "config.json").write_text(json.dumps({**CONFIG, "rope_theta": 501.0})),
        "config.json",
    ),
    "one bit of the weights": (
        lambda model: flip(model / "model-00002-of-00002.safetensors"),
        "model-00002-of-00002.safetensors",
    ),
    "another tokenizer": (
        lambda model: (model / "tokenizer_config.json").write_text("{ }"),
        "tokenizer_config.json",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_is_refused_by_name_where_a_file_of_its_model_changed(change: str, stopped: Path) -> None:
    make, says = CHANGES[change]
    make(stopped / "model")
    sentence = f"run began with weights whose files are others now ({stopped}/model/{says})"
    refused = lorarun(stopped, *RUN_EVERY_STEP)
    assert (refused.exit_code, refused.changed) == (78, set())
    assert f"error[LR612 output-occupied]: {sentence}" in refused.stderr
    found = lorarun(stopped, "validate", "--env", "--run-dir", "run", "spec.yaml", *SETTINGS)
    assert (found.exit_code, found.stdout.count("error["), sentence in found.stdout) == (1, 1, True)
    with pytest.raises(Failure, match=re.escape(f"{sentence}; bring them back")) as caught:
        check_run_dir(ExecutionSpec(load_spec("spec.yaml", EVERY_STEP), Path("run")))
    assert caught.value.exit_code is ExitCode.RESUME


def test_a_run_resumes_without_its_model_and_with_a_copy(stopped: Path) -> None:
    shutil.copytree(stopped / "model", stopped / "copy")  # other times, the same bytes
    shutil.rmtree(stopped / "model")
    assert "warning[LR513" in lorarun(stopped, "plan", "spec.yaml").stderr  # runs/spec is no run
    shutil.copytree(stopped / "run", stopped / "runs/spec")
    planned = lorarun(stopped, "plan", "spec.yaml")
    assert "lorarun: architecture/pretrained model is not here: the architecture is that which the" in planned.stderr
    assert "2,112 trained, 29,280 frozen" in planned.stdout
    done = lorarun(stopped, *RUN_EVERY_STEP)
    assert done.exit_code == 0, done.stderr
    assert "model is not here any more; run resumes without it" in done.stdout
    assert "resuming run after step 1 of 2" in done.stdout
    (stopped / "copy").rename(stopped / "model")
    done = lorarun(stopped, *RUN_EVERY_STEP)
    assert (done.exit_code, "run is finished" in done.stdout) == (0, True)


def test_a_run_without_checkpoint_needs_its_model(stopped: Path) -> None:
    shutil.rmtree(stopped / "run/checkpoints")
    noted = read_json(stopped / "run/run.json")
    write_facts(stopped / "run/run.json", {name: value for name, value in noted.items() if name != "saved"})
    (stopped / "model").rename(stopped / "away")
    refused = lorarun(stopped, *RUN_EVERY_STEP)
    assert refused.exit_code == 78
    assert f"this run began with the weights of {stopped}/model, which are not there any more" in refused.stderr
    found = lorarun(stopped, "validate", "--env", "--run-dir", "run", "spec.yaml", *SETTINGS)
    assert f"error[LR517 exec-refuses]: this run began with the weights of {stopped}/model, which are" in found.stdout
    (stopped / "away").rename(stopped / "model")
    done = lorarun(stopped, *RUN_EVERY_STEP)
    assert done.exit_code == 0, done.stderr
