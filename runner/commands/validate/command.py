"""`lorarun validate`: every mistake that can be known before the run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import SETTING, read_size
from runner.commands.uncollected import uncollected

# The formats of schema/formats and the severities of schema/text/diagnostic.py, so that --help loads neither.
FORMATS = ("text", "json", "sarif", "github", "concise")
SEVERITIES = ("error", "warning", "info")


@click.command("validate")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@SETTING
@click.option("--format", "layout", type=click.Choice(FORMATS), help="Layout of the findings. Default: text.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Least severity that exits with 1. Default: error.")
@click.option(
    "--select", multiple=True, metavar="RULES", help="Warnings and infos of these rules only: LR102,LR6,style-case."
)
@click.option("--ignore", multiple=True, metavar="RULES", help="No warnings and infos of these rules.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Leave out the warnings and infos that this file knows.",
)
@click.option("--write-baseline", is_flag=True, help="Write the warnings and infos of now into the baseline.")
@click.option("--show-skipped", is_flag=True, help="Name the rules that could not look, since what they need is wrong.")
@click.option("--fix", is_flag=True, help="Write the fixes that keep what the spec means.")
@click.option("--unsafe-fixes", is_flag=True, help="Write all fixes, also those that change what the run does.")
@click.option("--diff", is_flag=True, help="Show what fixes would change, and write nothing.")
@click.option("--stdin-filename", metavar="NAME", help="What findings call standard input, which is SPEC '-'.")
@click.option("--env", is_flag=True, help="Check what exec checks on this machine: data, devices, weights, disk.")
@click.option(
    "--devices", type=click.IntRange(min=1), help="With --env: devices that the run will have. Default: those here."
)
@click.option(
    "--device-memory", metavar="SIZE", callback=read_size, help="With --env: memory of one device, such as 80GiB."
)
@click.option("--run-dir", type=click.Path(path_type=Path), help="With --env: folder of the run, as for exec.")
@click.option("--restore", type=click.Path(path_type=Path), help="With --env: weights to start from, as for exec.")
@TRACEBACK
def command(traceback: bool, **options: Any) -> None:
    """Check specs and print every finding, with place, reason and remedy.

    SPEC is a file, a folder of .yaml and .yml files, a pattern such as 'specs/**/*.yaml', or - for standard input.
    Settings are read from [tool.lorarun] of the nearest pyproject.toml above a spec.

    Exits with 0 when no finding is as bad as --fail-on, 1 when one is, 2 when a file cannot be read. With --diff:
    0 when nothing would change, 1 when something would.
    """
    with leave_cleanly(traceback), uncollected():
        from runner.commands.validate.request import Request
        from runner.commands.validate.specs import validate_specs

        if exit_code := validate_specs(Request(**options)):
            sys.exit(exit_code)
