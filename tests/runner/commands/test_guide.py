"""`lorarun guide`: what it says is so. Its specs are clean, its commands run, its tables are those of the code."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import signal
import subprocess
from functools import cache
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from runner.cli import COMMANDS, main
from runner.commands.guide.shapes import ERROR, SHAPES
from runner.failure import ExitCode
from schema.lint import lint_text

WORK = ("exec", "data", "verify", "generate", "lsp")  # what needs a run, a model or an editor: its words are checked


def lorarun(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="lorarun")


@cache
def guide() -> str:
    done = lorarun("guide")
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def blocks(kind: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", guide(), flags=re.MULTILINE | re.DOTALL)


def specs() -> dict[str, str]:
    """The specs that it shows, by the name in their first line."""
    return {text.removeprefix("# ").partition(":")[0]: text for text in blocks("yaml")}


def commands() -> list[list[str]]:
    """The words behind `lorarun` of every command that it shows, in blocks and in sentences."""
    prose = re.sub(r"^```.*?^```$", "", guide().partition("## 6. Commands")[0], flags=re.MULTILINE | re.DOTALL)
    spans = [line for text in blocks("sh") for line in text.splitlines()] + re.findall(r"`([^`]+)`", prose)
    found = [shlex.split(match[1]) for span in spans if (match := re.search(r"\blorarun ([^;]+)", span))]
    return [words for words in found if words[0] in COMMANDS]


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the specs of the guide."""
    monkeypatch.chdir(tmp_path)
    for name, text in specs().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_guide_leaves_no_place_empty_and_names_every_step() -> None:
    assert "<!--" not in guide()
    assert [words[0] for words in commands()][:6] == ["validate", "plan", "data", "exec", "verify", "generate"]
    assert json.loads(lorarun("guide", "--format", "json").stdout) == {"version": 1, "markdown": guide()}


def test_the_specs_of_the_guide_are_clean() -> None:
    assert list(specs()) == ["scratch.yaml", "chat.yaml"]
    found = {name: {each.slug for each in lint_text(text, name).diagnostics} for name, text in specs().items()}
    assert found == {"scratch.yaml": set(), "chat.yaml": {"pretrained-not-here"}}


def test_every_command_of_the_guide_can_be_read_and_the_quick_ones_run(there: Path) -> None:
    assert isinstance(main, click.Group)
    (there / "runs").mkdir()
    group, ran = click.Context(main, info_name="lorarun"), set()
    for words in commands():
        command = main.get_command(group, words[0])
        assert command is not None
        command.make_context(words[0], words[1:], parent=group)  # raises click.UsageError
        if words[0] in WORK or "chat.yaml" in words or "FOLDER" in words:  # whose base is on the hub
            continue
        done = lorarun(*words)
        assert done.exit_code == 0, (words, done.stderr)
        ran.add(words[0])
    assert ran == {"validate", "plan", "explain", "schema", "runs"}


@pytest.mark.parametrize(
    ("exec_does", "exit_code", "starts"),
    [
        ("kill -INT $PPID; exit 75", 130, 1),  # Ctrl-C: the shell hears it too, and the run saves its work
        ("[ $starts -lt 3 ] && exit 75; exit 0", 0, 3),  # preempted twice
        ("[ $starts -lt 2 ] && exit 75; exit 78", 78, 2),
        ("exit 74", 74, 1),
    ],
)
def test_the_loop_of_the_guide_resumes_what_was_preempted_and_ends_with_ctrl_c(
    exec_does: str, exit_code: int, starts: int, tmp_path: Path
) -> None:
    loop = next(text for text in blocks("sh") if "until " in text).partition("lorarun runs")[0]
    lorarun = f"echo >> starts; starts=$(wc -l < starts); {exec_does}"
    for name, body in {"lorarun": lorarun, "sleep": "echo $1 >> pauses"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell can't trap what its parent ignores
    try:
        path = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-c", loop], cwd=tmp_path, env=path, timeout=20, check=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.returncode == exit_code
    assert (tmp_path / "starts").read_text() == "\n" * starts
    pauses = (tmp_path / "pauses").read_text() if (tmp_path / "pauses").exists() else ""
    assert pauses == "5\n" * (starts - 1)


def test_the_guide_says_what_a_newcomer_stumbles_over() -> None:
    page = " ".join(guide().split())
    for sentence in (
        "A prompt and its completion are joined as they stand",
        "Conversations and instructions become rows by a chat template",
        "the exit code alone does not say which of the two it is",
        "once `data` has run, `plan` shows how many epochs that is",
        "The object of a success is indented over several lines",
        "an option with its value, such as --run-dir runs/a",
        "usually writes the very text that its remedy names",
        "`github` the annotations of GitHub Actions, `concise` one line a finding",
    ):
        assert sentence in page, sentence


def test_what_the_guide_says_of_the_export_is_what_is_planned(there: Path) -> None:
    plan = json.loads(lorarun("plan", "scratch.yaml", "--format", "json").stdout)
    assert {f"export/{folder}" for folder in plan["export"]["folders"]} <= set(re.findall(r"export/\w+", guide()))
    (python,) = blocks("python")
    ast.parse(python)
    assert set(re.findall(r"runs/scratch/(\w+/\w+)", python)) == {"export/base", "export/adapter"}
    assert f"{plan['steps']}" == "140"


def test_the_tables_of_the_guide_are_those_of_the_code() -> None:
    for code in ExitCode:
        assert f"| {int(code)} | {code.meaning} | {code.remedy} |" in guide()
    assert re.findall(r"^### lorarun (\w+)$", guide(), flags=re.MULTILINE) == [*COMMANDS]
    group = click.Context(main, info_name="lorarun")
    for name in COMMANDS:
        command = main.get_command(group, name)
        assert command is not None
        section = guide().partition(f"\n### lorarun {name}\n")[2].partition("\n### ")[0]
        options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        assert {"--format", "--traceback"} <= options
        shown = {option for option in options if f"`{option}" in section}
        assert options - shown <= {"--format", "--traceback"}


def test_the_json_of_the_guide_is_what_is_written(there: Path) -> None:
    *conversations, refusal = [json.loads(line) for text in blocks("json") for line in text.splitlines()]
    assert all([*each] == ["messages"] for each in conversations)
    assert json.loads(lorarun("plan", "no.yaml", "--format", "json").stdout) == refusal
    assert [*refusal] == ["version", *ERROR]
    assert all("code" not in shape for shape in SHAPES.values())
    no_file, no_option = (lorarun("validate", each, "--format", "json") for each in ("no.yaml", "--bogus"))
    assert [no_file.exit_code, *json.loads(no_file.stdout)] == [2, "version", *SHAPES["validate"]]
    assert [no_option.exit_code, *json.loads(no_option.stdout)] == [2, "version", *ERROR]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("explain", ["LR201"]),
        ("guide", []),
        ("init", ["-", "--yes"]),
        ("plan", ["scratch.yaml"]),
        ("rules", []),
        ("runs", ["."]),
        ("validate", ["scratch.yaml"]),
    ],
)
def test_an_answer_has_the_keys_that_the_guide_says(command: str, arguments: list[str], there: Path) -> None:
    done = lorarun(command, *arguments, "--format", "json")
    assert [*json.loads(done.stdout)] == ["version", *SHAPES[command]], done.output
    assert set(SHAPES) | {"lsp", "schema"} == set(COMMANDS)
