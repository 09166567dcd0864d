"""What `plan` and `exec` print of this machine before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner.data.catalog import open_catalog
from runner.data.stores.display import Silent
from runner.plan.compile import compile_plan
from schema.lint import load_spec
from tests.runner.workplace import fill, lorarun


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a valid spec and its data."""
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_exec_prints_warnings_that_only_a_machine_can_know(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = load_spec("spec.yaml")
    open_catalog(spec, compile_plan(spec), Silent())
    monkeypatch.setattr("runner.train.lora_trainer.execute_spec", lambda *given: None)
    done = lorarun(here, "exec", "spec.yaml", "--set", "training/post_lora_tokens=[64000]")
    assert (done.exit_code, done.changed) == (0, set())
    assert "warning[LR212 many-epochs]: 'tales' has" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("level", "exit_code"), [("warning", 0), ("error", 2)])
@pytest.mark.parametrize("command", ["plan", "exec"])
def test_a_disk_without_room_for_the_checkpoints_is_reported_before_anything_is_written(
    command: str, level: str, exit_code: int, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "pyproject.toml").write_text(f'[tool.lorarun]\nseverity = {{ checkpoint-budget = "{level}" }}\n')
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=4096))
    begun: list[Any] = []
    monkeypatch.setattr("runner.train.lora_trainer.execute_spec", lambda *given: begun.append(given))
    done = lorarun(here, command, "spec.yaml")
    assert (done.exit_code, done.changed) == (exit_code, set())
    assert f": {level}[LR607 checkpoint-budget]: the run keeps up to" in done.stderr
    assert "4.0 KiB free" in done.stderr
    assert len(begun) == (command == "exec" and level == "warning")
