"""`lorarun validate`: what it reads, what it prints where, what it exits with, and what it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runner.cli import main
from tests.runner.commands.spec_folder import BROKEN, CLEAN, ERROR, WARNING, fill, validate
from tests.schema.goldens import SPECS

ROOT = SPECS.parents[1]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a spec of each kind."""
    return fill(tmp_path, monkeypatch)


def shown(*arguments: str, stdin: str | None = None) -> list[tuple[str, str]]:
    """File and code of each finding."""
    rows = json.loads(validate(*arguments, "--format", "json", stdin=stdin).stdout)["findings"]
    return [(row["file"], row["code"]) for row in rows]


def assert_usage(result: Result, sentence: str) -> None:
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


# ── what is read ──────────────────────────────────────────────────────────────────────────────────────────────


def test_several_files_are_one_report_in_their_order() -> None:
    result = validate("warning.yaml", "error.yaml", "other.yaml")
    found = [line.partition(":")[0] for line in result.stdout.splitlines() if "[LR" in line]
    assert found == ["warning.yaml", "error.yaml"]
    assert result.stdout.splitlines()[-1].startswith("1 error, 1 warning in 3 files")
    assert (result.exit_code, result.stderr) == (1, "")


def test_a_folder_is_searched_for_specs_and_hidden_ones_are_left_out(here: Path) -> None:
    for name in ("a/b/one.yml", "a/two.yaml", "a/.git/three.yaml", "a/.four.yaml", "a/five.txt"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(BROKEN)
    assert shown("a") == [("a/two.yaml", "LR003"), ("a/b/one.yml", "LR003")]
    assert shown(".", "--ignore", "LR1")[-1] == ("a/b/one.yml", "LR003")


def test_a_pattern_is_expanded_where_the_shell_did_not(here: Path) -> None:
    (here / "deep" / "er").mkdir(parents=True)
    (here / "deep" / "er" / "s.yaml").write_text(BROKEN)
    assert shown("**/s.yaml") == [("deep/er/s.yaml", "LR003")]
    assert shown("d*p") == [("deep/er/s.yaml", "LR003")]
    assert shown(str(here / "deep" / "*" / "*.yaml")) == [(str(here / "deep/er/s.yaml"), "LR003")]


def test_a_file_whose_name_holds_a_star_is_that_file(here: Path) -> None:
    (here / "a*.yaml").write_text(BROKEN)
    assert shown("a*.yaml") == [("a*.yaml", "LR003")]


def test_a_file_that_is_named_twice_is_linted_once() -> None:
    assert shown("error.yaml", "error.yaml", "./error.yaml", "err*.yaml") == [("error.yaml", "LR005")]


def test_what_cannot_be_read_is_said_beside_the_findings_of_the_others(here: Path) -> None:
    (here / "empty").mkdir()
    result = validate("no.yaml", "warning.yaml", "empty", "x*.yaml", "a\0b")
    assert result.exit_code == 2
    assert sorted(result.stderr.splitlines()) == [
        "lorarun: can't read 'a\\x00b': embedded null byte",
        "lorarun: no file matches x*.yaml",
        "lorarun: there is no .yaml or .yml file in empty",
        "lorarun: there is no file no.yaml",
    ]
    assert "warning[LR802" in result.stdout


def test_standard_input_is_a_spec() -> None:
    result = validate("-", stdin=ERROR)
    assert result.stdout.startswith("<stdin>:")
    assert result.exit_code == 1
    assert shown("-", "--stdin-filename", "configs/s.yaml", stdin=ERROR) == [("configs/s.yaml", "LR005")]


def test_standard_input_is_judged_by_the_settings_of_its_name(here: Path) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "pyproject.toml").write_text('[tool.lorarun]\nignore = ["LR802"]\n')
    assert shown("-", stdin=WARNING) == [("<stdin>", "LR802")]
    assert shown("-", "--stdin-filename", "sub/s.yaml", stdin=WARNING) == []


def test_overrides_hold_for_every_file() -> None:
    arguments = ("error.yaml", "other.yaml", "--set", "architecture/n_layers=2")
    assert shown(*arguments) == []
    assert validate(*arguments).exit_code == 0


# ── what it exits with ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("least", "failing"),
    [
        (None, {"error"}),
        ("error", {"error"}),
        ("warning", {"error", "warning"}),
        ("info", {"error", "warning", "info"}),
    ],
)
def test_findings_from_fail_on_upwards_exit_with_one(least: str | None, failing: set[str], here: Path) -> None:
    for name in ("clean", "info", "warning", "error"):
        arguments = ["--fail-on", least] if least else []
        assert validate(f"{name}.yaml", *arguments).exit_code == (name in failing)
    if least:
        (here / "pyproject.toml").write_text(f'[tool.lorarun]\nfail-on = "{least}"\n')
        assert {name for name in ("clean", "info", "warning", "error") if validate(f"{name}.yaml").exit_code} == failing


def test_each_spec_is_judged_by_the_settings_above_it(here: Path) -> None:
    (here / "strict").mkdir()
    (here / "strict" / "pyproject.toml").write_text('[tool.lorarun]\nfail-on = "warning"\n')
    (here / "strict" / "s.yaml").write_text(WARNING)
    assert validate("warning.yaml").exit_code == 0
    assert validate("warning.yaml", "strict/s.yaml").exit_code == 1
    assert validate("warning.yaml", "strict/s.yaml", "--fail-on", "error").exit_code == 0


def test_rules_are_selected_and_ignored_by_code_and_slug() -> None:
    files = ("warning.yaml", "info.yaml")
    assert shown(*files) == [("warning.yaml", "LR802"), ("info.yaml", "LR102")]
    assert shown(*files, "--select", "LR1") == [("info.yaml", "LR102")]
    assert shown(*files, "--select", "LR6,style-case") == [("warning.yaml", "LR802")]
    assert shown(*files, "--ignore", "style-case", "--ignore", "LR102") == []


def test_what_is_selected_on_the_command_line_counts_instead_of_the_settings(here: Path) -> None:
    (here / "pyproject.toml").write_text('[tool.lorarun]\nselect = ["LR102"]\nignore = ["LR8"]\n')
    files = ("warning.yaml", "info.yaml")
    assert shown(*files) == [("info.yaml", "LR102")]
    assert shown(*files, "--select", "LR802") == [("warning.yaml", "LR802")]
    assert shown(*files, "--ignore", "LR102") == []


def test_rules_that_were_skipped_are_named_when_asked_and_fail_nothing(here: Path) -> None:
    (here / "s.yaml").write_text(CLEAN)
    result = validate("s.yaml", "--show-skipped", "--fail-on", "info")
    assert "the rule dataset-not-found needs facts of the machine" in result.stdout
    assert result.exit_code == 0
    assert {code for _, code in shown("s.yaml", "--show-skipped")} == {"LR901"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Missing argument 'SPEC...'"),
        (["clean.yaml", "--format", "xml"], "'xml' is not one of"),
        (["clean.yaml", "--fix", "--set", "training/seed=1"], "--set changes what is read"),
        (["clean.yaml", "--diff", "--set", "training/seed=1"], "--set changes what is read"),
        (["clean.yaml", "--diff", "--format", "github"], "--diff prints a diff"),
        (["clean.yaml", "--stdin-filename", "s.yaml"], "--stdin-filename names standard input"),
        (["clean.yaml", "--devices", "8"], "--devices describes a machine, and only --env looks at one"),
        (["clean.yaml", "--restore", "runs/a"], "--restore describes a machine"),
        (["clean.yaml", "--env", "--device-memory", "much"], "'much' is no size; write 80GiB"),
        (["clean.yaml", "--select", "stile-case"], "--select: no rule is called 'stile-case'; write style-case"),
        (["clean.yaml", "--ignore", "LR001"], "--ignore: LR001 reports errors, which can't be ignored"),
    ],
)
def test_options_that_mean_nothing_are_refused(arguments: list[str], sentence: str) -> None:
    assert_usage(validate(*arguments), sentence)


@pytest.mark.parametrize("command", ["validate", "plan", "exec"])
def test_settings_that_mean_nothing_stop_every_command_with_one_sentence(here: Path, command: str) -> None:
    (here / "pyproject.toml").write_text("[tool.lorarun]\nselekt = []\n")
    result = CliRunner().invoke(main, [command, "clean.yaml"])
    assert_usage(
        result, f"lorarun: {here / 'pyproject.toml'}: [tool.lorarun]: unknown setting 'selekt'; write select\n"
    )
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["plan", "exec"])
def test_a_warning_that_settings_raise_stops_every_command(here: Path, command: str) -> None:
    (here / "pyproject.toml").write_text('[tool.lorarun]\nseverity = {style-case = "error"}\n')
    assert validate("warning.yaml").exit_code == 1
    result = CliRunner().invoke(main, [command, "warning.yaml"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error[LR802 style-case]" in result.stderr


# ── what it prints ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("layout", ["text", "json", "sarif", "github", "concise"])
def test_every_format_can_be_asked_and_nothing_else_is_on_stdout(layout: str) -> None:
    result = validate("error.yaml", "no.yaml", "--format", layout)
    assert result.stderr == ("" if layout == "json" else "lorarun: there is no file no.yaml\n")
    assert "LR005" in result.stdout
    if layout in ("json", "sarif"):
        assert "there is no file no.yaml" in json.dumps(json.loads(result.stdout))


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "", "FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_off_a_terminal_is_what_the_environment_says(
    variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[31;1merror" in validate("error.yaml").stdout) is coloured
    assert "\x1b" not in validate("error.yaml", "--format", "json").stdout


@pytest.mark.parametrize(
    ("terminal", "variables", "coloured"),
    [
        ("xterm", {}, True),
        ("dumb", {}, False),
        ("xterm", {"NO_COLOR": "1"}, False),
    ],
)
def test_colour_on_a_terminal_may_be_refused(terminal: str, variables: dict[str, str], coloured: bool) -> None:
    controller, worker = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": terminal, **variables}
    command = [sys.executable, "-m", "runner.cli", "validate", "warning.yaml"]
    subprocess.run(command, stdout=worker, env=environment, check=True)
    os.close(worker)
    assert (b"\x1b[33;1mwarning" in os.read(controller, 4096)) is coloured
    os.close(controller)


def test_a_reader_that_has_gone_is_no_error(here: Path) -> None:
    (here / "long.yaml").write_text("".join(f"key-{number}: 1\n" for number in range(2000)))
    shell = f"'{sys.executable}' -m runner.cli validate long.yaml | head -1; echo ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", shell], env=environment, capture_output=True, text=True, check=True)
    first, status = done.stdout.splitlines()
    assert first.startswith("long.yaml:1:1: error[LR003 unknown-key]")
    assert (status, done.stderr) == ("1", "")


def test_a_stream_that_lacks_letters_gets_escapes(here: Path) -> None:
    (here / "s.yaml").write_text(f"{CLEAN}dätä: 1\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "runner.cli", "validate", "s.yaml"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "unknown key 'd\\xe4t\\xe4'" in done.stdout
    assert (done.returncode, done.stderr) == (1, "")


def test_the_facts_of_a_machine_are_looked_up_with_env(here: Path) -> None:
    result = validate("clean.yaml", "--env")
    assert "LR208 dataset-not-found" in result.stdout
    assert result.exit_code == 1
    assert "LR508" not in result.stdout
    assert "LR508 memory" in validate("clean.yaml", "--env", "--devices", "1", "--device-memory", "1MiB").stdout


def test_specs_that_run_the_same_are_found_across_files(here: Path) -> None:
    (here / "copy.yaml").write_text(f"# another header\n{CLEAN}")
    assert shown("clean.yaml", "info.yaml", "copy.yaml") == [("info.yaml", "LR102"), ("copy.yaml", "LR804")]
    assert shown("clean.yaml", "copy.yaml", "--ignore", "LR804") == []
    (here / "copy.yaml").write_text(f"# lorarun: ignore[duplicate-spec]\n{CLEAN}")
    assert shown("clean.yaml", "copy.yaml") == []
    assert shown("copy.yaml") == []
