"""What the commands that teach write: Markdown and tables, drawn on a terminal, and files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from runner.commands.terminal import wants_colour, write
from runner.failure import ExitCode, Failure


def write_markdown(text: str, layout: str = "text") -> None:
    """Write Markdown, which anywhere but on a terminal stays the text it is, or an object that holds it."""
    if layout == "json":
        from schema.formats import json_text

        text = json_text({"markdown": text})
    elif wants_colour(sys.stdout):
        from runner.commands.drawing import draw_markdown

        text = draw_markdown(text)
    write(text)


def write_table(rows: Sequence[Sequence[str]]) -> None:
    """Write rows in columns, one line a row; on a terminal the last column is wrapped."""
    if wants_colour(sys.stdout):
        from runner.commands.drawing import draw_table

        write(draw_table(rows))
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    write("".join("  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows))


def write_file(path: Path, text: str) -> None:
    """Write a file, in place of the one that is there. Raises Failure STORAGE."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"can't write {path}: {error.strerror or error}", ExitCode.STORAGE) from error
