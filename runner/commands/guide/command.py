"""`lorarun guide`: all that a program or a person needs to go from nothing to an exported adapter."""

from __future__ import annotations

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import FORMAT


@click.command("guide")
@FORMAT
@TRACEBACK
@click.pass_context
def command(context: click.Context, layout: str, traceback: bool) -> None:
    """Print a page that is enough to use lorarun: for agents, as AGENTS.md is, and for people.

    It has two whole specs, the way from validate to an exported adapter, how to resume, every command with its
    options, the exit codes, and the JSON that commands write.
    """
    with leave_cleanly(traceback):
        from runner.commands.guide.page import guide_page
        from runner.commands.output import write_markdown

        write_markdown(guide_page(context.find_root()), layout)
