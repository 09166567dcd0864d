"""`lorarun runs`: the runs in a folder, each with its state, step and checkpoints."""

from __future__ import annotations

from pathlib import Path

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import FORMAT
from runner.commands.terminal import write


@click.command("runs")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("runs"), metavar="[DIR]")
@FORMAT
@TRACEBACK
def command(folder: Path, layout: str, traceback: bool) -> None:
    """List the runs in a folder: state, phase, step, checkpoints.

    DIR is the folder that holds run directories, or a run directory; without it, runs. A run is running, finished,
    stopped (the command that started it resumes it) or damaged (its newest checkpoint is: lorarun verify says how).
    """
    with leave_cleanly(traceback):
        from runner.report.runs import list_runs

        found = list_runs(folder)
        if layout == "json":
            from dataclasses import asdict

            from schema.formats import json_text

            write(json_text({"runs": [asdict(run) for run in found]}))
        elif found:
            from runner.commands.output import write_table

            rows = [
                (
                    run.name,
                    run.state,
                    run.phase or "-",
                    f"{run.step:,}" + (f"/{run.steps:,}" if run.steps else ""),
                    " ".join(f"{step:,}" for step in run.checkpoints) or "-",
                )
                for run in found
            ]
            write_table([("run", "state", "phase", "step", "checkpoints"), *rows])
        else:
            write(f"{folder} holds no runs\n")
