"""`lorarun verify`: reads a run again, byte for byte, and says what is damaged."""

from __future__ import annotations

from pathlib import Path

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import FORMAT
from runner.commands.terminal import write
from runner.failure import ExitCode, Failure


@click.command("verify")
@click.argument("run", type=click.Path(path_type=Path))
@FORMAT
@TRACEBACK
def command(run: Path, layout: str, traceback: bool) -> None:
    """Read every byte of a run again and compare it with what was saved.

    RUN is a run directory, or a checkpoint such as runs/NAME/checkpoints/STEP. Nothing is changed. Token stores are
    looked for where exec found them, seen from this folder.

    Exits with 0 when everything is intact, 74 when something is damaged: exec then resumes from the newest checkpoint
    that is intact, and moves those that are not to the folder damaged.
    """
    with leave_cleanly(traceback):
        from dataclasses import asdict

        from runner.report.verify import verify_run

        parts = []
        for part in verify_run(run):
            parts.append(part)
            if layout == "text":
                write(f"{part}\n")
        found = {"run": str(run), "parts": [asdict(part) for part in parts]}
        if damaged := sum(bool(part.damage) for part in parts):
            raise Failure(f"{damaged} of the parts of {run} are damaged", ExitCode.STORAGE, found)
        if layout == "json":
            from schema.formats import json_text

            write(json_text(found))
