"""Other distributions have packages called `schema` and `runner`: the command says so before it loads one of them."""

from __future__ import annotations

import json
import py_compile
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import runner
from runner.commands.guide.shapes import ERROR
from schema.formats import VERSION
from tools import lorarun


def package(folder: Path) -> None:
    """PyPI's `schema`, installed over ours: its `__init__` stands among our modules."""
    (folder / "schema").mkdir()
    (folder / "schema/__init__.py").write_text("raise RuntimeError('run')\nclass Schema: ...\n")


def module(folder: Path) -> None:
    (folder / "runner.py").write_text("def run(): ...\n")


def remains(folder: Path) -> None:
    """What is left when a distribution with the same files was taken away."""
    (folder / "schema/text").mkdir(parents=True)


STRANGERS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a package installed over ours": (package, "schema", "schema/__init__.py"),
    "a module before ours on the path": (module, "runner", "runner.py"),
    "a folder without its own file": (remains, "schema", "schema"),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_a_package_that_is_not_our_own_is_found_and_not_run(case: str, tmp_path: Path) -> None:
    make, name, place = STRANGERS[case]
    make(tmp_path)
    assert lorarun.stranger(name, [str(tmp_path)]) == str(tmp_path / place)


def test_a_package_that_is_missing_is_none_and_our_own_are_no_strangers(tmp_path: Path) -> None:
    assert lorarun.stranger("schema", [str(tmp_path)]) == ""
    assert [lorarun.stranger(name) for name in lorarun.PACKAGES] == [None, None]


def test_packages_without_their_text_are_taken_for_our_own(tmp_path: Path) -> None:
    package(tmp_path)
    source = tmp_path / "schema/__init__.py"
    py_compile.compile(str(source), cfile=str(source.with_suffix(".pyc")))
    source.unlink()
    assert lorarun.stranger("schema", [str(tmp_path)]) is None


@pytest.mark.parametrize("case", ["a package installed over ours", "a module before ours on the path"])
def test_the_command_refuses_in_one_sentence_with_a_remedy(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make, name, place = STRANGERS[case]
    make(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(SystemExit) as caught:
        lorarun.main()
    said = capsys.readouterr().err
    assert (caught.value.code, said.count("\n")) == (2, 1)
    assert re.match(rf"lorarun: the package '{name}' is not its own but that.* at {tmp_path / place}; install", said)


@pytest.mark.parametrize("asked", [["--format", "json"], ["--format=json"]])
def test_a_program_is_told_in_json(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "argv", ["lorarun", "plan", "spec.yaml", *asked])
    with pytest.raises(SystemExit) as caught:
        lorarun.main()
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [*found] == ["version", *ERROR]
    assert (found["version"], found["exit_code"], caught.value.code, err) == (VERSION, 2, 2, "")
    assert found["where"] == {"file": str(tmp_path / "schema/__init__.py")}
    assert found["remedy"].startswith("install lorarun in a fresh environment")


def test_python_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'", name="schema.spec")

    monkeypatch.setattr("runner.import_module", missing)
    with pytest.raises(ImportError, match=r"'schema' is not lorarun's own.*; install lorarun in a fresh environment"):
        runner.__getattr__("LoRATrainer")


def test_the_command_runs_where_all_is_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lorarun", "--version"])
    with pytest.raises(SystemExit) as caught:
        lorarun.main()
    assert (caught.value.code, capsys.readouterr().out.startswith("lorarun, version ")) == (0, True)
