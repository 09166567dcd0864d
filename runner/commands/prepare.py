"""`lorarun prepare`: make the token stores of a spec, so that a run finds them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.commands.exits import TRACEBACK, last_words, leave_cleanly
from runner.commands.options import FORMAT, SETTING, SPEC
from runner.commands.terminal import write

if TYPE_CHECKING:
    from rich.console import Console

    from runner.data.stores.display import Advance
    from runner.data.stores.store import Store
    from schema.spec import Spec


@click.command("prepare")
@SPEC
@SETTING
@FORMAT
@TRACEBACK
def command(spec: Path, overrides: tuple[str, ...], layout: str, traceback: bool) -> None:
    """Make the token stores of all datasets of a spec, under data/root, and say what they hold.

    No accelerator is needed and nothing is trained: do it where cores are cheap, and exec finds the stores. What exec,
    data and prepare make is the same, by however many processes (data/workers). A store that is there is used as it is
    while its source, tokenizer and chat template are the same.

    Ctrl-C and SIGTERM end it with 75, and the same command goes on where it was, as it does after a kill: the store is
    the one that would have been made in peace.

    \b
    The table says of each dataset, both splits together:
      documents    texts, examples or conversations that it holds
      tokens       of all of them
      supervised   of these, what PADDED rows are trained on
      left out     entries of the source that are no document; why stands below
      bytes        of its files
      seconds      that it took, or reused
    """
    from runner.process.impatience import ended_by_impatience
    from runner.process.preemption import listen

    with (
        leave_cleanly(traceback),
        listen(until_exit=True) as preemption,
        ended_by_impatience(preemption, *last_words()),
    ):
        from runner.metrics.console import RunConsole

        made = list(_prepared(_read(spec, overrides), RunConsole(stderr=True)))
        if layout == "json":
            from schema.formats import json_text

            write(json_text({"stores": [asdict(each) for each in made]}))
        else:
            _write_table(made)


@dataclass(frozen=True, slots=True)
class Made:
    """What a store holds; `left_out` counts entries by reason, `seconds` is None where it was there before."""

    name: str
    suffix: str
    folder: str
    digest: str
    documents: int
    tokens: int
    supervised: int
    left_out: dict[str, int]
    bytes: int
    seconds: float | None


def _read(path: Path, overrides: tuple[str, ...]) -> Spec:
    """Lint a spec by what this machine has of its data, and fetch the tokenizer that it names on the hub."""
    from runner.commands.accepted import UNTRAINED, report_warnings
    from runner.commands.fetched import fetch_named
    from runner.environment import survey_data
    from runner.run.layout import default_run_dir
    from runner.run.record import recorded
    from schema.lint import lint_file
    from schema.settings import read_settings

    settings, known = read_settings(path), recorded(default_run_dir(str(path)))
    known = fetch_named(lint_file(path, overrides, None, settings, known), known)
    return report_warnings(lint_file(path, overrides, survey_data, settings, known), UNTRAINED)


def _prepared(spec: Spec, console: Console) -> Iterator[Made]:
    """Make the stores of a spec ready. Raises Failure as `ready_stores` does."""
    from runner.data.catalog import open_tokenizer
    from runner.data.ready import ready_stores, spec_keys

    display = _Noting(console)
    began = time.monotonic()
    for store in ready_stores(spec, spec_keys(spec), open_tokenizer(spec), display):
        seconds = round(time.monotonic() - began, 3) if display.worked else None
        yield _made(store, seconds)
        display.worked, began = False, time.monotonic()


def _made(store: Store, seconds: float | None) -> Made:
    splits = store.meta.splits.values()
    return Made(
        name=store.meta.name,
        suffix=store.meta.suffix,
        folder=str(store.folder),
        digest=store.digest,
        documents=sum(split.documents for split in splits),
        tokens=sum(split.tokens for split in splits),
        supervised=sum(split.supervised for split in splits),
        left_out=dict(store.meta.skipped),
        bytes=sum(file.bytes for split in splits for file in split.files.values()),
        seconds=seconds,
    )


class _Noting:
    """Shows a preparation on a console, and notes whether there was something to do."""

    def __init__(self, console: Console) -> None:
        from runner.metrics.console import ConsolePreparation

        self._shown, self.worked = ConsolePreparation(console), False

    def bar(self, label: str, total: int, done: int = 0) -> AbstractContextManager[Advance]:
        """Open a progress bar."""
        self.worked = True
        return self._shown.bar(label, total, done)

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self._shown.say(sentence)


def _write_table(made: list[Made]) -> None:
    from runner.commands.output import write_table
    from runner.data.sources import counted

    rows = [
        (
            Path(each.folder).name,
            f"{each.documents:,}",
            f"{each.tokens:,}",
            f"{each.supervised:,}",
            f"{sum(each.left_out.values()):,}",
            f"{each.bytes:,}",
            "reused" if each.seconds is None else f"{each.seconds:,.1f}",
        )
        for each in made
    ]
    write_table([("dataset", "documents", "tokens", "supervised", "left out", "bytes", "seconds"), *rows])
    for each in made:
        if each.left_out:
            write(f"{Path(each.folder).name}: left out are {counted(each.left_out)}\n")
