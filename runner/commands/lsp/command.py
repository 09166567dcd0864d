"""`lorarun lsp`: the linter in an editor."""

from __future__ import annotations

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import FORMAT
from runner.failure import ExitCode, Failure


@click.command("lsp")
@click.option("--stdio", is_flag=True, help="Accepted, since many editors pass it; there is no other way to talk.")
@FORMAT
@TRACEBACK
def command(traceback: bool, layout: str, stdio: bool) -> None:
    """Lint specs while they are written: a language server for editors, over standard input and output.

    Gives diagnostics, the documentation of a key under the cursor, completion of keys, choices and names, and the
    fixes of validate. Needs the extra lsp: pip install 'lorarun[lsp]'.
    """
    with leave_cleanly(traceback):
        from importlib.util import find_spec

        if find_spec("pygls") is None:
            raise Failure("lorarun lsp needs pygls; pip install 'lorarun[lsp]'", ExitCode.INVALID)
        from runner.commands.lsp.server import serve

        serve()
