"""How a command ends: every refusal leaves by one door, a sentence on stderr and the exit code of `runner.failure`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from runner.commands.terminal import wants_colour, write
from runner.failure import ExitCode, Failure
from runner.process.impatience import STOPPED_AT_ONCE
from runner.process.preemption import Impatience

TRACEBACK = click.option("--traceback", is_flag=True, help="Show Python's traceback of an unexpected error.")


@contextmanager
def leave_cleanly(traceback: bool) -> Iterator[None]:
    """Turn what a command raises into a sentence on stderr and an exit code."""
    try:
        yield
    except (SystemExit, click.ClickException, click.exceptions.Exit):
        raise
    except BaseException as error:
        if traceback and not isinstance(error, Failure | KeyboardInterrupt):
            raise
        sys.exit(_explain(error))


def _explain(error: BaseException) -> ExitCode:
    """Print the one sentence that belongs to an error, and return its exit code."""
    from schema.settings import SettingsError
    from schema.text.diagnostic import Severity, SpecError, UnreadableSpec

    if isinstance(error, Failure):
        click.echo(f"lorarun: {error}", err=True)
        return error.exit_code
    if isinstance(error, SpecError):
        from schema.formats import render_text

        write(render_text(error.diagnostics, colour=wants_colour(sys.stderr)), err=True)
        errors = {found.slug for found in error.diagnostics if found.severity is Severity.ERROR}
        return ExitCode.RESUME if errors == {"output-occupied"} else ExitCode.INVALID
    if isinstance(error, UnreadableSpec | SettingsError):
        click.echo(f"lorarun: {error}", err=True)
        return ExitCode.INVALID
    if isinstance(error, Impatience):
        click.echo(STOPPED_AT_ONCE, err=True)
        return ExitCode.IMPATIENT
    if isinstance(error, KeyboardInterrupt):
        click.echo("lorarun: stopped; nothing that was saved is lost, run the same command again", err=True)
        return ExitCode.PREEMPTED
    click.echo(f"lorarun: unexpected {type(error).__name__}: {error}; --traceback shows where", err=True)
    return ExitCode.FINDINGS
