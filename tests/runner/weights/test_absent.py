"""A path that names no weights is told what it is, and what to name instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.files.seal import MANIFEST
from runner.weights import find_weights
from runner.weights.absent import why_absent

FILES = [
    "runs/base/run.json",
    "runs/base/checkpoints/8/" + MANIFEST,
    "runs/base/base/" + MANIFEST,
    "runs/base/export/" + MANIFEST,
    "runs/base/export/merged/config.json",
    "runs/base/export/adapter/adapter_config.json",
    "runs/new/run.json",
    "adapter/adapter_config.json",
    "copied/" + MANIFEST,
    "bare/model.safetensors",
    "other/notes.txt",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs, one of which is over, and what else may lie beside them; nothing of it is read but names."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
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
        ("runs", "runs is a folder of runs", "name one of them: base, new"),
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


@pytest.mark.parametrize("named", ["runs/base", "runs/base/checkpoints/8", "runs/base/export/merged"])
def test_what_a_remedy_names_is_found(folder: Path, named: str) -> None:
    assert find_weights(Path(named)) is not None
