"""An error as one JSON object, for programs that ask for `--format json`; `exits.py` has the sentence for people.

It stands on standard output, on one line, where the object of a success would stand: whatever happens, what a program
reads there is JSON.
"""

from __future__ import annotations

import re
from typing import Any

import click

from runner.failure import ExitCode, Failure

NAMED = "name a YAML file that can be read; `lorarun init` writes one"
UNEXPECTED = "run it again with --traceback, and report what that shows"
FILE = re.compile(r"(?P<file>[^\s:'\"][^:'\"\n]*\.\w+)(?::(?P<line>\d+)|, row (?P<row>\d+))")
SECTIONS = "architecture|chat|checkpoint|data|eval|export|logging|mesh|optimization|tokenizer|training"
KEY = re.compile(rf"(?<![\w/.-])(?:{SECTIONS})/\w[\w/]*")
PATH = re.compile(
    r"(?<!\S)'?(?P<path>(?:[~.\w*?-]*/)+[\w.*?-]*|[\w-]+\.(?:yaml|yml|json|jsonl|parquet|txt|toml))'?(?=[\s,:]|$)"
)
OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")


def as_object(error: BaseException) -> dict[str, Any]:
    """Return an error as JSON has it, without the version: code, message, where, remedy, exit_code, and details.

    `code` is that of a rule (LR201), `usage` for a command line that can't be read, `unexpected`, or the exit code's
    name; `where` is a file or a folder, with its line, a key, an option, an argument, or null where none is named.
    """
    from schema.settings import SettingsError
    from schema.text.diagnostic import SpecError, UnreadableSpec

    if isinstance(error, SpecError):
        return _of_spec(error)
    if isinstance(error, click.ClickException):
        return _of_usage(error)
    if isinstance(error, Failure):
        return {**_row(str(error), error.exit_code), **error.details}
    if isinstance(error, UnreadableSpec):
        return _row(str(error), ExitCode.INVALID, NAMED)
    if isinstance(error, SettingsError):
        return _row(str(error), ExitCode.INVALID)
    message = f"unexpected {type(error).__name__}: {error}"
    return {**_row(message, ExitCode.FINDINGS), "code": "unexpected", "message": message, "remedy": UNEXPECTED}


def _row(sentence: str, exit_code: ExitCode, remedy: str = "") -> dict[str, Any]:
    """A sentence that says what is wrong and, behind its last semicolon, what to do; else `remedy` or the code do."""
    message, _, own = sentence.rpartition("; ")
    if own.count(")") > own.count("("):  # a semicolon within brackets
        message = ""
    return {
        "code": exit_code.name.lower(),
        "message": message or sentence,
        "where": _place(message or sentence),
        "remedy": own if message else remedy or exit_code.remedy,
        "exit_code": int(exit_code),
    }


def _of_spec(error: Any) -> dict[str, Any]:
    """The first error of a spec, with all its findings."""
    from schema.formats.json import rows

    findings = rows(error.diagnostics)
    first = next(each for each in findings if each["severity"] == "error")
    place = {name: first[name] for name in ("file", "line", "column", "end_line", "end_column")}
    said = {"code": first["code"], "message": first["message"], "where": place, "remedy": first["remedy"]}
    return {**said, "exit_code": int(exit_code_of(error)), "findings": findings}


def _of_usage(error: click.ClickException) -> dict[str, Any]:
    """What click says of a command line; of an option that does not exist it names those that may be meant."""
    context: click.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context else "lorarun"
    parameter: click.Parameter | None = getattr(error, "param", None)
    option = getattr(error, "option_name", None)
    where = {"option": option} if option else None
    if parameter is not None:
        kind = "argument" if isinstance(parameter, click.Argument) else "option"
        where = {kind: parameter.human_readable_name if kind == "argument" else parameter.opts[-1]}
    meant = getattr(error, "possibilities", None) or ()
    remedy = f"write {' or '.join(meant)}" if meant else f"`{command} --help` shows how it is written"
    if option == "--format" and context and context.parent is None:
        remedy = "write --format behind the command"
    message = error.format_message().strip().replace("\n", " ")
    place = where or _place(message)
    return {"code": "usage", "message": message, "where": place, "remedy": remedy, "exit_code": error.exit_code}


def exit_code_of(error: Any) -> ExitCode:
    """The exit code of a spec's errors: a run directory that belongs to something else is no fault of the spec."""
    errors = {found.slug for found in error.diagnostics if found.severity == "error"}
    return ExitCode.RESUME if errors == {"output-occupied"} else ExitCode.INVALID


def _place(sentence: str) -> dict[str, Any] | None:
    """The place that a sentence names: a line of a file, a key of the spec, an option, a file."""
    if found := FILE.match(sentence):
        return {"file": found["file"], "line": int(found["line"] or found["row"])}
    if found := KEY.search(sentence):
        return {"key": found[0]}
    if found := OPTION.search(sentence):
        return {"option": found[0]}
    if found := PATH.search(sentence):
        return {"file": found["path"]}
    return None
