"""Whatever goes wrong, `--format json` answers with one object on standard output: usage, specs, disks, defects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import runner.commands.rules
from runner.cli import COMMANDS, main
from runner.commands.exits import last_words, leave_cleanly
from runner.commands.options import FORMAT
from runner.commands.refusal import as_object
from runner.failure import ExitCode, Failure
from runner.process.preemption import Impatience
from schema.formats import VERSION
from tests.schema.goldens import SPECS

FIELDS = ["version", "code", "message", "where", "remedy", "exit_code"]
BASE = str(SPECS / "ok" / "base.yaml")


def lorarun(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refused(*arguments: str) -> dict[str, Any]:
    """The only thing on standard output, which is one line, and whose exit code is that of the process."""
    done = lorarun(*arguments)
    assert done.stdout.count("\n") == 1, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    assert [*found][: len(FIELDS)] == FIELDS
    assert found["version"] == VERSION
    assert found["exit_code"] == done.exit_code
    assert isinstance(found["remedy"], str) and found["remedy"]
    assert done.stderr == ""
    return found


# What each command refuses: arguments, and code, where and exit code of the answer.
REFUSALS: dict[str, tuple[list[str], str, Any, int]] = {
    "data": (["no.yaml"], "invalid", {"file": "no.yaml"}, 2),
    "exec": ([BASE, "--fork", "a/b"], "usage", {"option": "--fork"}, 2),
    "explain": (["LR999"], "invalid", None, 2),
    "generate": (["/no/run", "--prompt", "a"], "invalid", {"file": "/no/run"}, 2),
    "guide": (["--loud"], "usage", {"option": "--loud"}, 2),
    "init": (["spec.toml"], "invalid", {"file": "spec.toml"}, 2),
    "lsp": (["--stdoi"], "usage", {"option": "--stdoi"}, 2),
    "plan": ([BASE, "--set", "training/batch_size=0"], "LR011", {"file": "--set training/batch_size=0"}, 2),
    "prepare": ([BASE, "--set", "data/workers=0"], "LR011", {"file": "--set data/workers=0"}, 2),
    "rules": (["all"], "usage", None, 2),
    "runs": (["/no/folder"], "invalid", {"file": "/no/folder"}, 2),
    "schema": (["--output", "/no/s.json"], "storage", {"file": "/no/s.json"}, 74),
    "validate": ([BASE, "--select", "LRX"], "invalid", {"option": "--select"}, 2),
    "verify": (["nothing"], "invalid", None, 2),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_in_json(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, code, where, exit_code = REFUSALS[command]
    found = refused(command, *arguments, "--format", "json")
    assert (found["code"], found["exit_code"]) == (code, exit_code)
    assert found["where"] == where or found["where"].items() >= where.items()


@pytest.mark.parametrize(
    ("arguments", "where", "remedy"),
    [
        (["--format=json", "plan"], {"option": "--format"}, "write --format behind the command"),
        (["valdate", "--format=json"], None, "write validate"),
        (["frobnicate", "--format=json"], None, "`main --help` shows how it is written"),
        (["plan", "--format", "json"], {"argument": "SPEC"}, "`main plan --help` shows how it is written"),
        (["plan", BASE, "--devces", "8", "--format", "json"], {"option": "--devces"}, "write --devices"),
        (["plan", BASE, "--devices", "0", "--format", "json"], {"option": "--devices"}, "`main plan --help`"),
        (["validate", BASE, "--diff", "--format", "json"], {"option": "--diff"}, "`main validate --help`"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_an_object_too(
    arguments: list[str], where: dict[str, str] | None, remedy: str
) -> None:
    found = refused(*arguments)
    assert (found["code"], found["where"], found["exit_code"]) == ("usage", where, 2)
    assert found["remedy"].startswith(remedy)


def test_what_fails_before_a_command_starts_is_an_object_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def unloadable(name: str) -> None:
        raise RuntimeError(f"{name} is half there")

    monkeypatch.setattr("runner.cli.import_module", unloadable)
    found = refused("rules", "--format", "json")
    assert (found["code"], found["exit_code"]) == ("unexpected", 1)
    assert found["message"] == "unexpected RuntimeError: runner.commands.rules is half there"
    assert "--traceback" in found["remedy"]
    assert isinstance(lorarun("rules", "--format", "json", "--traceback").exception, RuntimeError)
    text = lorarun("rules")
    assert (text.exit_code, text.stdout) == (1, "")
    assert text.stderr.startswith("lorarun: unexpected RuntimeError: runner.commands.rules is half there; ")


def test_what_fails_before_the_command_line_is_read_is_an_object_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click.Context, "__init__", lambda *_, **__: 1 / 0)
    assert refused("rules", "--format", "json")["message"] == "unexpected ZeroDivisionError: division by zero"


def test_a_defect_of_a_command_is_an_object_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.commands.rules, "_write_json", lambda: 1 / 0)
    found = refused("rules", "--format", "json")
    assert (found["code"], found["message"]) == ("unexpected", "unexpected ZeroDivisionError: division by zero")


def test_a_spec_with_errors_brings_all_its_findings(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text((SPECS / "ok" / "base.yaml").read_text(encoding="utf-8") + "mehs: 1\nmehs2: 2\n")
    found = refused("plan", str(spec), "--format", "json")
    listed = json.loads(lorarun("validate", str(spec), "--format", "json").stdout)
    assert found["findings"] == listed["findings"]
    first = found["findings"][0]
    assert all(found[name] == first[name] for name in ("code", "message", "remedy"))
    assert found["where"] == {name: first[name] for name in ("file", "line", "column", "end_line", "end_column")}


def test_what_validate_cannot_read_is_among_its_errors(tmp_path: Path) -> None:
    done = lorarun("validate", BASE, str(tmp_path / "a.yaml"), str(tmp_path / "*.yml"), "--format", "json")
    listed = json.loads(done.stdout)
    assert (done.exit_code, listed["version"], listed["files"]) == (2, VERSION, 1)
    assert [error["where"] for error in listed["errors"]] == [
        {"file": str(tmp_path / "*.yml")},
        {"file": str(tmp_path / "a.yaml")},
    ]
    assert all([*error] == FIELDS[1:] for error in listed["errors"])


@pytest.mark.parametrize(
    ("error", "code", "where", "remedy"),
    [
        (Failure("tales.jsonl:101: not JSON: x at column 2", ExitCode.INVALID), "invalid", 101, "mend what"),
        (Failure("a.parquet, row 7: field 'a' must be text; mend it", ExitCode.INVALID), "invalid", 7, "mend it"),
        (
            Failure("cannot save to /runs/a: the disk is full: it takes 2 bytes; make room", ExitCode.STORAGE),
            *("storage", "/runs/a", "make room"),
        ),
        (
            Failure("training/batch_size 6 is no multiple of 4; make it 8", ExitCode.INVALID),
            *("invalid", "training/batch_size", "make it 8"),
        ),
        (Failure("phase lora, step 4: the loss is not finite", ExitCode.NUMERICS), "numerics", None, "lower the"),
        (Failure("runs/a belongs to another spec", ExitCode.RESUME), "resume", "runs/a", "bring back"),
        (Failure("runs/a is not whole (no b; no c); bring it back", ExitCode.STORAGE), "storage", "runs/a", "bring it"),
        (Failure("runs/a has no b (that is; none)", ExitCode.STORAGE), "storage", "runs/a", "give the disk"),
    ],
)
def test_a_sentence_is_taken_apart(error: Failure, code: str, where: Any, remedy: str) -> None:
    found = as_object(error)
    assert found["code"] == code
    assert [*(found["where"] or {None: None}).values()][-1] == where
    assert found["remedy"].startswith(remedy)
    assert str(error).startswith(found["message"])


@pytest.mark.parametrize(("interrupt", "exit_code"), [(KeyboardInterrupt, 75), (Impatience, 130)])
def test_an_interrupt_is_an_object_too(interrupt: type[BaseException], exit_code: int) -> None:
    @click.command()
    @FORMAT
    def command(layout: str) -> None:
        with leave_cleanly(False):
            assert last_words()[0] == 1
            assert json.loads(last_words()[1])["exit_code"] == 130
            raise interrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runner.cli.Commands.get_command", lambda *_: command)
        found = refused("command", "--format", "json")
    assert (found["exit_code"], found["code"]) == (exit_code, ExitCode(exit_code).name.lower())


def test_init_writes_a_spec_and_says_so_in_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = json.loads(lorarun("init", "spec.yaml", "--yes", "--format", "json").stdout)
    text = Path("spec.yaml").read_text(encoding="utf-8")
    assert made == {"version": VERSION, "file": "spec.yaml", "spec": text, "findings": []}
    assert refused("init", "spec.yaml", "--yes", "--format", "json")["where"] == {"file": "spec.yaml"}


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_says_what_to_do(code: ExitCode) -> None:
    assert code.remedy
