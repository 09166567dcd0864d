"""A path that names no weights is told what it is, and what to name instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.failure import Failure
from runner.files.seal import MANIFEST
from runner.weights import find_weights
from runner.weights.absent import why_absent
from schema.document import NOTHING_RECORDED
from schema.document.pretrained import find_pretrained
from tests.runner.weights.model_folders import LLAMA_4

FILES = [
    "runs/base/run.json",
    "runs/base/checkpoints/8/" + MANIFEST,
    "runs/base/base/" + MANIFEST,
    "runs/base/export/" + MANIFEST,
    "runs/base/export/merged/config.json",
    "runs/base/export/adapter/adapter_config.json",
    "runs/new/run.json",
    "runs/gpt/run.json",
    "runs/gpt/export/" + MANIFEST,
    "runs/gpt/export/base/config.json",
    "runs/gpt/export/merged/config.json",
    "runs/gpt/export/adapter/adapter_config.json",
    "adapter/adapter_config.json",
    "copied/" + MANIFEST,
    "bare/model.safetensors",
    "other/notes.txt",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three runs, two of which are over, and what else may lie beside them; but for models only names are read."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    (tmp_path / "runs/base/export/merged/config.json").write_text(json.dumps(LLAMA_4), encoding="utf-8")
    for part in ("base", "merged"):
        gpt = tmp_path / "runs/gpt/export" / part / "config.json"
        gpt.write_text('{"model_type": "starcoder2"}', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("named", "message", "remedy"),
    [
        (
            "runs/base/export",
            "runs/base/export is the export of a run",
            "give the run directory, runs/base, or write architecture/pretrained: runs/base/export/merged",
        ),
        ("runs/base/export/adapter", "holds adapters without", "name the run runs/base, or write optimization/lora/in"),
        ("runs/base/base", "runs/base/base is a part of the run runs/base", "give the run directory, runs/base"),
        ("runs/base/checkpoints", "is a part of the run runs/base", "give the run directory, runs/base"),
        ("runs/base/run.json", "is a part of the run runs/base", "give the run directory, runs/base"),
        ("runs/new", "the run runs/new has no checkpoint yet", "let it save one, or name other weights"),
        ("runs/gpt/export", "runs/gpt/export is the export of a run", "give the run directory, runs/gpt"),
        ("runs", "runs is a folder of runs", "name one of them: base, gpt, new"),
        ("adapter", "adapter holds adapters without the model", "name the model that they belong to, or write"),
        ("copied", "copied is a checkpoint without the run.json of its run", "name it in its run directory"),
        ("bare", "bare has no config.json beside its weights", "get the whole folder of the model"),
        ("bare/model.safetensors", "is a file", "name its folder, bare, with its config.json"),
        ("other", "other holds no weights", "name a run directory, a folder like runs/NAME/checkpoints/STEP"),
        ("none", "there is nothing at none", "name a run directory, a folder like runs/NAME/checkpoints/STEP"),
    ],
)
def test_a_path_without_weights_is_told_what_to_name(folder: Path, named: str, message: str, remedy: str) -> None:
    assert find_weights(Path(named)) is None
    found = why_absent(Path(named))
    assert message in found.message
    assert found.remedy.startswith(remedy)
    assert "runs/gpt/export/merged" not in found.remedy  # which no run starts from


@pytest.mark.parametrize("part", ["base", "merged", "adapter"])
def test_in_place_of_an_export_of_family_gpt_its_run_is_named(folder: Path, part: str) -> None:
    for named, run in {f"runs/gpt/export/{part}": "runs/gpt", str(folder / f"runs/gpt/export/{part}"): None}.items():
        model = find_pretrained({"pretrained": f"./{named}" if run else named}, NOTHING_RECORDED)
        assert model is not None and model.obstacle
        assert model.instead == f"name the run, {run or folder / 'runs/gpt'}, in place of its export"
    (folder / "runs/gpt/run.json").unlink()  # the export was moved
    moved = find_pretrained({"pretrained": f"./runs/gpt/export/{part}"}, NOTHING_RECORDED)
    assert moved is not None and moved.instead == "name the whole folder of another model"


def test_weights_to_restore_from_an_export_of_family_gpt_are_refused_with_its_run(folder: Path) -> None:
    found = find_weights(Path("runs/gpt/export/base"))
    assert found is not None
    with pytest.raises(Failure, match=r"model_type 'starcoder2' is not .*; name the run, .*runs/gpt, in place of"):
        found.describe()


@pytest.mark.parametrize("named", ["runs/base", "runs/base/checkpoints/8", "runs/base/export/merged"])
def test_what_a_remedy_names_is_found(folder: Path, named: str) -> None:
    assert find_weights(Path(named)) is not None
