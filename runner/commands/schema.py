"""`lorarun schema`: the JSON Schema of a spec, for editors and other programs."""

from __future__ import annotations

from pathlib import Path

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import FORMAT


@click.command("schema")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it to a file.")
@FORMAT
@TRACEBACK
def command(output: Path | None, layout: str, traceback: bool) -> None:
    """Print the JSON Schema of a spec, draft 2020-12.

    Editors with a YAML language server check a spec by it as you type, when the first line of the spec names it:

    \b
    # yaml-language-server: $schema=spec.schema.json
    """
    with leave_cleanly(traceback):
        from runner.commands.output import write_file
        from runner.commands.terminal import write
        from schema.document import SCHEMA_FILE

        text = SCHEMA_FILE.read_text(encoding="utf-8")
        if output is None:
            write(text)
        else:
            write_file(output, text)
            if layout == "json":
                from schema.formats import json_text

                write(json_text({"file": str(output)}))
