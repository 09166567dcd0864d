"""Nothing that surrounds a process ends it with an unexpected error: each is a sentence with an exit code."""

from __future__ import annotations

import builtins
import errno
import io
import os
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from runner.cli import main
from runner.commands.terminal import write
from runner.failure import ExitCode, Failure
from runner.metrics.console import RunConsole
from runner.process.surroundings import failure_of, forgive_warnings, program_cache, start_jax
from runner.run.execution import ExecutionSpec
from runner.run.inspect import check_run_dir
from schema.spec import Spec

ERRORS: dict[str, tuple[BaseException, ExitCode, str]] = {
    "a folder that may not be read": (
        PermissionError(errno.EACCES, "Permission denied", "data/a.txt"),
        ExitCode.STORAGE,
        "data/a.txt: Permission denied",
    ),
    "a library that is missing": (
        ModuleNotFoundError("No module named 'optax'"),
        ExitCode.INVALID,
        "a library does not load: No module named 'optax'; install lorarun in a fresh environment",
    ),
    "a limit of memory": (
        ImportError("libjax.so: failed to map segment from shared object"),
        ExitCode.INVALID,
        "ulimit -v",
    ),
    "too little memory": (MemoryError(), ExitCode.INVALID, "this machine has too little memory; write a smaller"),
    "too little memory of a device": (
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory"),
        ExitCode.INVALID,
        "a device has too little memory",
    ),
    "a network that is gone": (ConnectionResetError(errno.ECONNRESET, "reset"), ExitCode.PREEMPTED, "the network"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_surrounds_a_command_is_never_unexpected(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error, code, sentence = ERRORS[name]

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("schema.lint.load_spec", fail)
    monkeypatch.setattr("schema.lint.lint_file", fail)
    done = CliRunner().invoke(main, ["plan", "spec.yaml"])
    assert (done.exit_code, done.stderr.count("\n")) == (code, 1)
    assert sentence in done.stderr and "unexpected" not in done.stderr


def test_a_question_that_is_not_answered_ends_a_command_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(_: Any) -> None:
        raise click.Abort  # as click does for Ctrl-C and for Ctrl-D

    monkeypatch.setattr(import_module("runner.commands.init.command"), "_on_terminal", lambda: True)
    monkeypatch.setattr("runner.commands.init.questions.ask", leave)
    done = CliRunner().invoke(main, ["init", "spec.yaml"])
    assert (done.exit_code, done.stderr) == (ExitCode.IMPATIENT, "lorarun: stopped; nothing was written\n")


def test_a_run_directory_that_is_no_text_is_refused_before_the_first_step(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"is no path in UTF-8; give --run-dir a new or empty folder") as caught:
        check_run_dir(ExecutionSpec(Spec(), tmp_path / os.fsdecode(b"run\xff")))
    assert caught.value.exit_code is ExitCode.RESUME


def test_what_only_a_program_can_have_raised_stays_unexpected() -> None:
    assert failure_of(KeyError("rank")) is None
    assert failure_of(RuntimeError("INTERNAL: no such thing")) is None


def test_a_working_directory_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    done = CliRunner().invoke(main, ["init", "spec.yaml", "--yes"])
    assert done.exit_code == ExitCode.STORAGE
    assert done.stderr == "lorarun: the working directory is gone; change to a folder that exists\n"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("invalid truth value 'x' for environment 'JAX_ENABLE_X64'"), "; look at JAX_ENABLE_X64 in the"),
        (RuntimeError("Unable to initialize backend 'foo': no such platform."), "no such platform; look at JAX_ENA"),
        (ModuleNotFoundError("No module named 'jaxlib'"), "a library does not load: No module named 'jaxlib'"),
    ],
)
def test_jax_that_does_not_start_is_refused_with_its_reason(
    error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("JAX_", "XLA_", "CUDA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("JAX_ENABLE_X64", "x")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    load = builtins.__import__

    def loaded(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "jax":
            raise error
        return load(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", loaded)
    with pytest.raises(Failure) as caught:
        start_jax()
    monkeypatch.undo()
    assert caught.value.exit_code is ExitCode.INVALID
    assert sentence in str(caught.value)


def test_a_user_without_a_home_has_no_folder_of_compiled_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.setenv("HOME", "/home/me")
    assert program_cache() == Path("/home/me/.cache/lorarun/xla")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)  # a container that runs as a number
    assert program_cache() is None
    monkeypatch.setenv("HOME", "here")
    assert program_cache() is None


def test_errors_that_other_programs_make_of_warnings_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setenv("PYTHONWARNINGS", "error")
        forgive_warnings()
        warnings.warn("old", DeprecationWarning, stacklevel=1)


class Broken(io.StringIO):
    """A stream that fails as a full disk or a terminal that hung up does."""

    encoding = "ascii"

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))

    def fileno(self) -> int:
        return os.open(os.devnull, os.O_WRONLY)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EPIPE])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_cannot_be_written_ends_only_what_wants_to_be_read(
    name: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, name, Broken(number))
    refused = name == "stdout" and number == errno.ENOSPC
    for tell in (
        lambda: write("a line\n", err=name == "stderr"),
        lambda: RunConsole(stderr=name == "stderr").print("a line"),
    ):
        try:
            tell()
        except Failure as failure:
            assert refused and str(failure) == "cannot write standard output: No space left on device"
        else:
            assert not refused


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["--version"]])
def test_a_reader_who_leaves_a_page_of_help_is_no_failure(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(sys, "stdout", Broken(errno.EPIPE))
        main(arguments, prog_name="lorarun")
    assert (left.value.code, capsys.readouterr().err) == (0, "")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE])
@pytest.mark.parametrize("arguments", [["--nope"], ["plan", "--nope"], ["pln"]])
def test_a_command_line_that_is_wrong_has_its_exit_code_where_nobody_reads_why(
    arguments: list[str], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Broken(number))
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == ExitCode.INVALID


@pytest.mark.parametrize("text", ["training: {batch_size: x}\n", None, "[tool.lorarun]\nignore = 1\n"])
def test_a_refusal_is_not_unexpected_with_traceback_either(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("pyproject.toml" if "tool" in text else "spec.yaml").write_text(text)
    asked = ["plan", "spec.yaml"]
    plain, shown = (CliRunner().invoke(main, [*asked, *more]) for more in ([], ["--traceback"]))
    assert plain.exit_code == ExitCode.INVALID
    assert (shown.exit_code, shown.stderr) == (plain.exit_code, plain.stderr)


def test_a_package_schema_of_somebody_else_is_a_sentence_also_without_the_console_script(tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/__init__.py").write_text("class Schema: ...\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "runner.cli", "plan", "spec.yaml"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lorarun: a library does not load: No module named 'schema.lint'; install lorarun in")


def test_a_console_writes_letters_that_its_encoding_lacks_and_has_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    console = RunConsole()
    console.print("2 × 3")
    assert (console.width, stream.buffer.getvalue()) == (80, b"2 \\xd7 3\n")  # type: ignore[attr-defined]


def test_a_command_without_streams_opens_no_file_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("training: {batch_size: x}\n")
    root = Path(__file__).parents[3]
    command = f"{sys.executable} -m runner.cli validate {tmp_path}/spec.yaml <&- >&- 2>&-"
    environment = {**os.environ, "PYTHONPATH": str(root), "LC_ALL": "C", "PYTHONUTF8": "0", "TMPDIR": "/nowhere"}
    assert subprocess.run(command, shell=True, cwd=tmp_path, env=environment, check=False).returncode == 1


def test_folders_of_a_run_may_be_text_and_a_spec_may_not(tmp_path: Path) -> None:
    execution = ExecutionSpec(Spec(), "runs/x", "runs/y")  # type: ignore[arg-type]
    assert (execution.run_dir, execution.starting_point) == (Path("runs/x"), Path("runs/y"))
    with pytest.raises(TypeError, match=r"spec is 'spec.yaml', not a Spec; give schema.load_spec\(FILE\)"):
        ExecutionSpec("spec.yaml", tmp_path)  # type: ignore[arg-type]
