"""How a command ends: every refusal leaves by one door, with an exit code of `runner.failure`.

For people it is a sentence on standard error; with `--format json` it is an object on standard output.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
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


class UsageRefusal(click.ClickException):
    """What click refuses, shown as click does it or as an object; the exit code is the same where nobody reads."""

    def __init__(self, error: click.ClickException, as_json: bool) -> None:
        super().__init__(error.message)
        if isinstance(error, click.UsageError) and error.ctx is None:
            error.ctx = click.get_current_context(silent=True)
        self.error, self.as_json = error, as_json
        self.exit_code = error.exit_code  # type: ignore[misc]  # click's own exceptions differ in it

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the object to standard output, or the sentence to standard error."""
        if self.as_json:
            _write_object(self.error)
            return
        page = StringIO()
        self.error.show(page)
        write(page.getvalue(), err=True)


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
        if isinstance(error, UsageRefusal):
            raise
        raise UsageRefusal(error, wants_json()) from error
    except (SystemExit, click.exceptions.Exit):
        raise
    except BaseException as error:
        if traceback and not _is_refusal(error):
            raise
        sys.exit(_write_object(_named(error)) if as_json or wants_json() else _explain(error))


def _is_refusal(error: BaseException) -> bool:
    """Whether an error is an answer to what was asked, or the end that was asked for: neither is unexpected."""
    from schema.settings import SettingsError
    from schema.text.diagnostic import SpecError, UnreadableSpec

    known = (Failure, KeyboardInterrupt, click.Abort, SpecError, UnreadableSpec, SettingsError)
    return isinstance(error, known)


def _named(error: BaseException) -> BaseException:
    """An interrupt says nothing of itself, nor does what surrounds a process; they are given their words."""
    if isinstance(error, Impatience):
        return Failure(STOPPED_AT_ONCE.removeprefix("lorarun: "), ExitCode.IMPATIENT)
    if isinstance(error, KeyboardInterrupt):
        return Failure(STOPPED, ExitCode.PREEMPTED)
    if isinstance(error, click.Abort):  # Ctrl-C or Ctrl-D in place of an answer
        return Failure("stopped; nothing was written", ExitCode.IMPATIENT)
    if isinstance(error, ImportError):  # maybe of schema, which the next line needs
        return failure_of(error) or error
    return error if _is_refusal(error) else failure_of(error) or error


def _write_object(error: BaseException) -> int:
    """Write an error as one line of JSON, and return its exit code."""
    from runner.commands.refusal import as_object
    from schema.formats import json_text

    facts = as_object(error)
    write(json_text(facts, one_line=True))
    return int(facts["exit_code"])


def _explain(error: BaseException) -> ExitCode:
    """Print the one sentence that belongs to an error, and return its exit code."""
    error = _named(error)
    if isinstance(error, Failure):
        write(f"lorarun: {error}\n", err=True)
        return error.exit_code
    from schema.settings import SettingsError
    from schema.text.diagnostic import SpecError, UnreadableSpec

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
