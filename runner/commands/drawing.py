"""Markdown and tables as rich draws them for a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from io import StringIO

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import Heading, Markdown
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

NARROWEST, WIDEST = 20, 110  # columns, beyond which lines are hard to follow
THEME = Theme({"markdown.code": "bold cyan", "markdown.h1": "bold"})
TINTS = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}  # as in findings


class _Heading(Heading):
    """A heading that starts where the text starts."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.text.plain, "bold")


class _Markdown(Markdown):
    elements = {**Markdown.elements, "heading_open": _Heading}  # noqa: RUF012  as in the base class


def draw_markdown(text: str) -> str:
    """Draw Markdown."""
    return _drawn(_Markdown(text, code_theme="ansi_dark"))


def draw_table(rows: Sequence[Sequence[str]]) -> str:
    """Draw rows in columns, the last of which is wrapped; the words of severities are coloured."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for column in range(len(rows[0])):
        table.add_column(no_wrap=column < len(rows[0]) - 1)
    for row in rows:
        table.add_row(*(Text(cell, TINTS.get(cell, "")) for cell in row))
    return _drawn(table)


def _drawn(what: RenderableType) -> str:
    file, width = StringIO(), min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    console = Console(file=file, width=width, theme=THEME, force_terminal=True, color_system="standard")
    console.print(what)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())
