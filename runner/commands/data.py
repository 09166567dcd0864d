"""`lorarun data`: rows as the model will see them, and what a pass over each dataset takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import SETTING, SPEC
from runner.failure import ExitCode, Failure

if TYPE_CHECKING:
    from rich.console import Console

    from runner.data.catalog import Catalog
    from runner.data.tokenizers import Tokenizer
    from runner.plan.plan import Plan
    from runner.report.data.rows import ShownPair, ShownRow
    from runner.report.data.sources import SourceRows
    from runner.report.data.totals import Totals
    from schema.spec import Spec

SHOWN = 3  # rows of each dataset, or of a step, where nobody says how many
# To count more rows than this takes a second and more, and has a progress bar.
MOST_ROWS_UNANNOUNCED = 2**22


class Section(NamedTuple):
    """A part of a view: what is said first, in colour or not, and then rows."""

    render_heading: Callable[..., str]
    rows: Iterator[ShownRow | ShownPair]


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
    "--from", "first", type=click.IntRange(min=0), metavar="K", help="First row to show, by number. Default: 0."
)
@click.option("--source", "names", multiple=True, metavar="NAME", help="Show this dataset only. Repeatable.")
@click.option("--split", type=click.Choice(["train", "val"]), help="Split whose rows are shown. Default: train.")
@click.option("--step", type=click.IntRange(min=1), metavar="S", help="Show the rows of a step of the run instead.")
@click.option(
    *("--format", "layout"),
    type=click.Choice(["text", "json"]),
    default="text",
    help="For people, or one JSON object a row for programs, an error too. Default: text.",
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
      left out          documents that are no row, or pairs; why stands below the table
      tokens in no row  of what is cut and left out

    Then come the lengths of documents, and rows. Supervised tokens are highlighted, and stand between ⟦ and ⟧ where
    there is no colour; special tokens are shown by name, between ‹ and ›. Rows are numbered from 0, as a run does it.

    With --step come the rows of that step of the run, of all datasets in the order of its batch, in place of the above.

    Data that is not prepared yet is prepared as exec does it. No accelerator is needed, and nothing is trained.

    Of a CONTRASTIVE row the prompt, the chosen and the rejected answer stand apart; tokens are those of both sides.

    With --format json a row is one object on one line: version, source, number, tokens (ids), supervised (of each
    token), text; of a pair, chosen and rejected have these three.
    """
    with leave_cleanly(traceback):
        from runner.commands.terminal import write_each
        from runner.metrics.console import RunConsole

        if asked["step"] is not None and (asked["first"] is not None or asked["split"] is not None):
            raise Failure("--step says which rows are shown; leave out --from and --split", ExitCode.INVALID)
        if asked["show"] is None and layout == "text":
            asked["show"] = SHOWN
        messages = RunConsole(stderr=True)
        loaded, plan, catalog = _prepare(spec, overrides, messages)
        if asked["step"] is not None:
            sections = [_step(loaded, plan, catalog, asked)]
        else:
            sections = _datasets(catalog, asked, messages)
        if layout == "text":
            for sentence in catalog.left_out:
                messages.print(sentence)
            write_each(_text(spec.name, loaded.architecture.block_size, sections, catalog.tokenizer))
            return
        for remark in catalog.remarks():
            messages.print(remark)
        write_each(row.to_json(catalog.tokenizer) for section in sections for row in section.rows)


def _prepare(path: Path, overrides: tuple[str, ...], messages: Console) -> tuple[Spec, Plan, Catalog]:
    """Lint a spec, and open its datasets, each made first where that was not done yet."""
    from runner.commands.accepted import UNTRAINED, report_warnings
    from runner.data.catalog import open_catalog, refuse_repeats
    from runner.environment import known_data, survey_data
    from runner.metrics.console import ConsolePreparation
    from runner.plan.compile import compile_plan
    from runner.run.layout import default_run_dir
    from runner.run.record import recorded
    from schema.budget.budget import budget_of
    from schema.budget.mesh import fewest_devices
    from schema.environment import Environment
    from schema.lint import lint_file
    from schema.settings import read_settings

    noted = recorded(default_run_dir(str(path)))
    spec = report_warnings(lint_file(path, overrides, survey_data, read_settings(path), noted), UNTRAINED)
    devices, progress = fewest_devices(spec.mesh), ConsolePreparation(messages)  # the data are the same on all of them
    if not budget_of(spec, Environment()).terms.reads_stores:
        plan = compile_plan(spec, devices)
        return spec, plan, open_catalog(spec, plan, progress)
    catalog = open_catalog(spec, None, progress)
    plan = compile_plan(spec, devices, known_data(spec))
    refuse_repeats(plan, catalog)
    return spec, plan, catalog


def _datasets(catalog: Catalog, asked: dict[str, Any], messages: Console) -> list[Section]:
    """Each dataset with its rows from a number on. Raises Failure INVALID for those that there are not."""
    from runner.report.data.rows import read_rows
    from runner.report.data.sources import find_sources

    split, first = asked["split"] or "train", asked["first"] or 0
    chosen = [(source, source.numbers(split, first, asked["show"])) for source in find_sources(catalog, asked["names"])]
    return [
        Section(
            partial(_counted, source, messages),
            read_rows(source.name, split, source.rows[split], numbers),
        )
        for source, numbers in chosen
    ]


def _step(spec: Spec, plan: Plan, catalog: Catalog, asked: dict[str, Any]) -> Section:
    """The first rows of a step. Raises Failure INVALID for a step or a dataset that there is not."""
    from runner.report.data.printing import render_step
    from runner.report.data.rows import read_rows
    from runner.report.data.sources import find_sources
    from runner.report.data.step import rows_of_step

    names = {source.name for source in find_sources(catalog, asked["names"])}
    batch = rows_of_step(catalog, plan, spec, asked["step"])
    chosen = [(name, rows, number) for name, rows, number in batch.rows if name in names][: asked["show"]]
    shown = (row for name, rows, number in chosen for row in read_rows(name, "train", rows, [number]))
    return Section(partial(render_step, batch, len(chosen)), shown)


def _text(name: str, block_size: int, sections: Sequence[Section], tokenizer: Tokenizer) -> Iterator[str]:
    """Yield a view as text for people."""
    from runner.commands.terminal import wants_colour
    from runner.report.data.printing import render_heading, render_row

    colour = wants_colour(sys.stdout)
    yield render_heading(name, block_size, colour=colour)
    for section in sections:
        yield "\n" + section.render_heading(colour=colour)
        for row in section.rows:
            yield "\n" + render_row(row, tokenizer, colour=colour)


def _counted(source: SourceRows, messages: Console, *, colour: bool) -> str:
    """Count what a pass over each split of a dataset takes, and say it."""
    from runner.report.data.printing import render_source

    return render_source(source, {split: _count(source, split, messages) for split in source.rows}, colour=colour)


def _count(source: SourceRows, split: str, messages: Console) -> Totals:
    """Count what a pass over a split takes, under a progress bar where that takes a while."""
    from runner.metrics.console import preparation_bar
    from runner.report.data.totals import count_rows

    rows = source.rows[split]
    if len(rows) < MOST_ROWS_UNANNOUNCED:
        return count_rows(rows)
    with preparation_bar(messages, f"counting {source.name} ({split})", len(rows)) as advance:
        return count_rows(rows, advance)
