"""A place of the spec is what lies there: another spelling, a link or a moved folder resumes, other bytes don't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.files.contents import contents_of
from runner.files.digested_json import read_json, write_facts
from runner.run.execution import ExecutionSpec
from runner.run.identity import identity_of
from runner.run.inspect import inspect_run_dir
from runner.run.moved import NOTED, PLACES, names_the_same
from runner.run.record import create_run_dir
from schema.environment import Change
from schema.lint import load_spec


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a run notes of the folder `model`, which lies in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    Path("model/weights").write_text("1 2 3")
    begun = {"path": str(tmp_path / "model"), "files": contents_of(Path("model"), ["weights"])}
    return {"start": begun, "init": begun}


def same(key: str, now: str, noted: dict[str, Any]) -> bool:
    return names_the_same(Change(key, json.dumps("model"), json.dumps(now)), noted)


@pytest.mark.parametrize("key", PLACES)
def test_another_spelling_names_the_same(key: str, noted: dict[str, Any], tmp_path: Path) -> None:
    Path("link").symlink_to("model")
    Path("copy").mkdir()
    Path("copy/weights").write_text("1 2 3")
    for now in ("./model", "model/", str(tmp_path / "model"), "link", "link/../model"):
        assert same(key, now, noted), now
    for now in ("copy", "gone", "model/weights"):  # while the folder itself is there, another one is another one
        assert not same(key, now, noted), now
    assert not names_the_same(Change(key, "null", json.dumps("model")), noted)


@pytest.mark.parametrize("key", PLACES)
def test_what_was_moved_is_the_same_with_the_same_bytes(key: str, noted: dict[str, Any]) -> None:
    Path("model").rename("moved")
    assert same(key, "moved", noted)
    Path("moved/weights").write_text("1 2 4")
    assert same(key, "moved", noted) is (key not in NOTED)  # the digests of the stores compare
    Path("moved/weights").unlink()
    assert same(key, "moved", noted) is (key not in NOTED)
    assert not same(key, "gone", noted)
    assert key not in NOTED or not same(key, "moved", {"start": None})


def test_a_run_resumes_with_its_model_moved_and_is_refused_with_another(noted: dict[str, Any]) -> None:
    Path("spec.yaml").write_text("training: {tokens: 1B}\ntokenizer: {backend: byte}\n")
    spec, run = load_spec("spec.yaml"), Path("run")

    def starting(place: str) -> dict[str, Any]:
        architecture = spec.architecture.model_copy(update={"pretrained": place})
        return identity_of(ExecutionSpec(spec.model_copy(update={"architecture": architecture}), run))

    create_run_dir(ExecutionSpec(spec, run))
    write_facts(run / "run.json", {**read_json(run / "run.json"), **starting("model"), **noted})
    assert [change.key for change in inspect_run_dir(run, starting("./model")).accepted] == ["architecture/pretrained"]
    Path("model").rename("moved")
    found = inspect_run_dir(run, starting("moved"))
    assert [change.key for change in found.accepted] == ["architecture/pretrained", "starting_point"]
    Path("moved/weights").write_text("others")
    found = inspect_run_dir(run, starting("moved"))
    assert [change.key for change in found.changes] == ["architecture/pretrained", "starting_point"]
