"""`lorarun verify`: reads a run again, byte for byte, and says what is damaged."""

from __future__ import annotations

from pathlib import Path

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.failure import ExitCode, Failure


@click.command("verify")
@click.argument("run", type=click.Path(path_type=Path))
@TRACEBACK
def command(run: Path, traceback: bool) -> None:
    """Read every byte of a run again and compare it with what was saved.

    RUN is a run directory, or a checkpoint such as runs/NAME/checkpoints/STEP. Nothing is changed. Token stores are
    looked for where exec found them, seen from this folder.

    Exits with 0 when everything is intact, 74 when something is damaged: exec then resumes from the newest checkpoint
    that is intact, and moves those that are not to the folder damaged.
    """
    with leave_cleanly(traceback):
        from runner.report.verify import verify_run

        damaged = 0
        for part in verify_run(run):
            damaged += bool(part.damage)
            click.echo(str(part))
        if damaged:
            raise Failure(f"{damaged} of the parts of {run} are damaged", ExitCode.STORAGE)
