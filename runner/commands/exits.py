"""How a command ends: every refusal leaves by one door, with an exit code of `runner.failure`.

For people it is a sentence on standard error; with `--format json` it is an object on standard output.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import IO, Any

import click

from runner.commands.terminal import wants_colour, write
from runner.failure import ExitCode, Failure
from runner.process.impatience import STOPPED_AT_ONCE
from runner.process.preemption import Impatience
from runner.process.surroundings import failure_of

TRACEBACK = click.option("--traceback", is_flag=True, help="Show Python's traceback of an unexpected error.")
AS_JSON = "runner.commands.exits.as_json"  # among what click's contexts share
STOPPED = "stopped; nothing that was saved is lost, run the same command again"


class JsonUsageError(click.ClickException):
    """What click refuses, shown as an object."""

    def __init__(self, error: click.ClickException) -> None:
        super().__init__(error.message)
        if isinstance(error, click.UsageError) and error.ctx is None:
            error.ctx = click.get_current_context(silent=True)
        self.error = error
        self.exit_code = error.exit_code  # type: ignore[misc]  # click's own exceptions differ in it

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the object to standard output."""
        _write_object(self.error)


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, also one that can't be read otherwise."""
    options = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    return "--format=json" in options or ("--format", "json") in pairwise(options)


def wants_json() -> bool:
    """Whether the command that runs was asked for JSON."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(AS_JSON))


def last_words() -> tuple[int, str]:
    """What a second Ctrl-C ends a process with that does not answer, and where: standard output or error."""
    if not wants_json():
        return 2, STOPPED_AT_ONCE
    from runner.commands.refusal import as_object
    from schema.formats import json_text

    return 1, json_text(as_object(_named(Impatience())), one_line=True).rstrip()


@contextmanager
def leave_cleanly(traceback: bool, as_json: bool = False) -> Iterator[None]:
    """Turn what a command raises into a sentence, or an object, and an exit code.

    `as_json` says that an object is wanted where no command has begun that knows it.
    """
    try:
        yield
    except click.ClickException as error:
        if wants_json() and not isinstance(error, JsonUsageError):
            raise JsonUsageError(error) from error
        raise
    except (SystemExit, click.exceptions.Exit):
        raise
    except BaseException as error:
        if traceback and not isinstance(error, Failure | KeyboardInterrupt):
            raise
        sys.exit(_write_object(_named(error)) if as_json or wants_json() else _explain(error))


def _named(error: BaseException) -> BaseException:
    """An interrupt says nothing of itself, nor does what surrounds a process; they are given their words."""
    from schema.settings import SettingsError
    from schema.text.diagnostic import SpecError, UnreadableSpec

    if isinstance(error, Impatience):
        return Failure(STOPPED_AT_ONCE.removeprefix("lorarun: "), ExitCode.IMPATIENT)
    if isinstance(error, KeyboardInterrupt):
        return Failure(STOPPED, ExitCode.PREEMPTED)
    if isinstance(error, click.Abort):  # Ctrl-C or Ctrl-D in place of an answer
        return Failure("stopped; nothing was written", ExitCode.IMPATIENT)
    known = isinstance(error, Failure | SpecError | UnreadableSpec | SettingsError)
    return error if known else failure_of(error) or error


def _write_object(error: BaseException) -> int:
    """Write an error as one line of JSON, and return its exit code."""
    from runner.commands.refusal import as_object
    from schema.formats import json_text

    facts = as_object(error)
    write(json_text(facts, one_line=True))
    return int(facts["exit_code"])


def _explain(error: BaseException) -> ExitCode:
    """Print the one sentence that belongs to an error, and return its exit code."""
    from schema.settings import SettingsError
    from schema.text.diagnostic import SpecError, UnreadableSpec

    error = _named(error)
    if isinstance(error, Failure):
        write(f"lorarun: {error}\n", err=True)
        return error.exit_code
    if isinstance(error, SpecError):
        from runner.commands.refusal import exit_code_of
        from schema.formats import render_text

        write(render_text(error.diagnostics, colour=wants_colour(sys.stderr)), err=True)
        return exit_code_of(error)
    if isinstance(error, UnreadableSpec | SettingsError):
        write(f"lorarun: {error}\n", err=True)
        return ExitCode.INVALID
    write(f"lorarun: unexpected {type(error).__name__}: {error}; --traceback shows where\n", err=True)
    return ExitCode.FINDINGS
