"""`lorarun data`: rows as the model will see them, and what a pass over each dataset takes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import SETTING, SPEC

if TYPE_CHECKING:
    from rich.console import Console

    from runner.data.catalog import Catalog
    from runner.data.tokenizers import Tokenizer
    from runner.report.data.sources import SourceRows
    from runner.report.data.totals import Totals

    Wanted = Sequence[tuple[SourceRows, range]]

SHOWN = 3  # rows of each dataset, where nobody says how many
# To read more tokens than this takes a second and more, and has a progress bar.
MOST_TOKENS_UNANNOUNCED = 2**27


@click.command("data")
@SPEC
@SETTING
@click.option(
    "--show",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Rows to show of each dataset, or 0. Default: {SHOWN}; with --format json all.",
)
@click.option(
    "--from", "first", type=click.IntRange(min=0), default=0, metavar="K", help="First row to show, by number."
)
@click.option("--source", "names", multiple=True, metavar="NAME", help="Show this dataset only. Repeatable.")
@click.option("--split", type=click.Choice(["train", "val"]), default="train", help="Split whose rows are shown.")
@click.option(
    "--format", "layout", type=click.Choice(["text", "json"]), default="text", help="Text, or one JSON object a row."
)
@TRACEBACK
def command(spec: Path, overrides: tuple[str, ...], layout: str, traceback: bool, **asked: Any) -> None:
    """Show the rows of each dataset as the model will see them, and what one pass over them takes.

    \b
    A table says, for each split of a dataset:
      rows              as the style of the dataset cuts them
      tokens            inputs that are no padding
      supervised        tokens that the model is trained to predict
      padding           inputs that fill rows up
      cut               rows that end before their document does
      left out          documents that are no row; why stands below the table
      tokens in no row  of what is cut and left out

    Then come the lengths of documents, and rows. Supervised tokens are highlighted, and stand between ⟦ and ⟧ where
    there is no colour; special tokens are shown by name, between ‹ and ›. Rows are numbered from 0, as a run does it.

    Data that is not prepared yet is prepared as exec does it. No accelerator is needed, and nothing is trained.

    With --format json a row is one object on one line: source, number, tokens (ids), supervised (of each token), text.
    """
    with leave_cleanly(traceback):
        from runner.commands.terminal import write_each
        from runner.metrics.console import RunConsole
        from runner.report.data.sources import find_sources

        messages = RunConsole(stderr=True)
        catalog = _prepare(spec, overrides, messages)
        show = asked["show"] if asked["show"] is not None or layout == "json" else SHOWN
        sources = find_sources(catalog, asked["names"])
        wanted = [(source, source.numbers(asked["split"], asked["first"], show)) for source in sources]
        if layout == "text":
            write_each(_report(spec.name, wanted, asked["split"], catalog.tokenizer, messages))
            return
        for remark in catalog.remarks():
            messages.print(remark)
        write_each(_lines(wanted, asked["split"], catalog.tokenizer))


def _prepare(path: Path, overrides: tuple[str, ...], messages: Console) -> Catalog:
    """Lint a spec, and open its datasets, each made first where that was not done yet."""
    from runner.commands.accepted import report_warnings
    from runner.data.catalog import open_catalog
    from runner.environment import survey_data
    from runner.metrics.console import ConsolePreparation
    from runner.plan.compile import compile_plan
    from schema.budget.mesh import fewest_devices
    from schema.lint import lint_file
    from schema.settings import read_settings

    spec = report_warnings(lint_file(path, overrides, survey_data, read_settings(path)))
    plan = compile_plan(spec, fewest_devices(spec.mesh))  # the data are the same on all devices
    return open_catalog(spec, plan, ConsolePreparation(messages))


def _lines(wanted: Wanted, split: str, tokenizer: Tokenizer) -> Iterator[str]:
    """Yield rows as JSON, one a line."""
    from runner.report.data.rows import read_rows

    for source, numbers in wanted:
        for row in read_rows(source.name, source.rows[split], numbers):
            yield row.to_json(tokenizer) + "\n"


def _report(name: str, wanted: Wanted, split: str, tokenizer: Tokenizer, messages: Console) -> Iterator[str]:
    """Yield the datasets of a spec, each with its rows, as text."""
    from runner.commands.terminal import wants_colour
    from runner.report.data.printing import render_heading, render_row, render_source
    from runner.report.data.rows import read_rows

    colour = wants_colour(sys.stdout)
    yield render_heading(name, wanted[0][0].rows[split].block_size, colour=colour)
    for source, numbers in wanted:
        totals = {each: _count(source, each, messages) for each in source.rows}
        yield "\n" + render_source(source, totals, colour=colour)
        for row in read_rows(source.name, source.rows[split], numbers):
            yield "\n" + render_row(row, split, tokenizer, colour=colour)


def _count(source: SourceRows, split: str, messages: Console) -> Totals:
    """Count what a pass over a split takes, under a progress bar where that takes a while."""
    from runner.metrics.console import preparation_bar
    from runner.report.data.totals import count_rows

    rows = source.rows[split]
    if len(rows) * rows.block_size < MOST_TOKENS_UNANNOUNCED:
        return count_rows(rows)
    with preparation_bar(messages, f"counting {source.name} ({split})", len(rows)) as advance:
        return count_rows(rows, advance)
