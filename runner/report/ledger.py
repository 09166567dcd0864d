"""The ledger of a run as planned and as counted, side by side: what each stage takes of each dataset.

Loads numpy where rows differ in size and have to be looked up, and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from runner.data.ledger import EARLIER, Ledger, RunLedger, stage_key
from runner.data.stores.meta import read_meta, store_folder, stored_documents
from runner.data.styles import load_style
from runner.failure import Failure
from runner.plan.plan import Plan
from schema.budget.dataset_names import Key, folder_name, labels
from schema.environment import Environment
from schema.spec import Spec
from schema.text.wording import count

if TYPE_CHECKING:  # numpy
    from runner.data.catalog import Catalog

WIDTH = 10_000  # a table takes what its content needs; nothing of it is ever cut
MOST_ROWS = 2**20  # of a store that `plan` looks up, in about half a second
COUNTS = {"rows": "rows", "tokens": "tokens_seen", "supervised": "tokens_supervised", "padding": "padding"}

Taken = Callable[[int, int], Ledger]  # what the rows `first` … `first + number - 1` of a dataset's order take


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """A dataset whose rows are known: how many a pass has, and what rows of its order take."""

    rows: int
    taken: Taken


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """What one stage, from 1, takes of one dataset, and how often it reads that; None where it is not known."""

    phase: str
    stage: int
    dataset: str
    planned: Ledger | None
    epochs: float | None
    counted: Ledger | None = field(default=None)


def planned_ledger(plan: Plan, find: Callable[[Key, str], KnownDataset | None]) -> list[LedgerLine]:
    """Return a line for each dataset of each stage; `find` looks a dataset up by its key and its label, once.

    A mixture that lists a dataset twice has one line for it, as a run counts it.
    """
    stages = [(phase.name, number, each) for phase in plan.phases for number, each in enumerate(phase.stages, start=1)]
    names = labels([entry.key for _, _, stage in stages for entry in stage.mixture])
    known = {key: find(key, label) for key, label in names.items()}
    lines: list[LedgerLine] = []
    for phase, number, stage in stages:
        for key in dict.fromkeys(entry.key for entry in stage.mixture):
            dataset, own = known[key], [entry for entry in stage.mixture if entry.key == key]
            first, rows = own[0].first_row, [entry.rows for entry in own if entry.rows is not None]
            if dataset is None or first is None or len(rows) < len(own):
                lines.append(LedgerLine(phase, number, names[key], None, None))
                continue
            taken = dataset.taken(first, sum(rows))  # the second entry goes on where the first one ends
            lines.append(LedgerLine(phase, number, names[key], taken, sum(rows) / dataset.rows))
    return lines


@dataclass(frozen=True, slots=True)
class TakenData:
    """What a finished run has taken: the ledger that it `counted`, beside the plan in `lines`.

    `left_out` says of each dataset what no row of it holds: rows that are cut, entries by the reason why they are left
    out, the tokens of both and of an end, and validation documents that the run trains on.
    """

    counted: RunLedger
    lines: list[LedgerLine]
    left_out: dict[str, dict[str, Any]]


def taken_data(catalog: Catalog, plan: Plan, spec: Spec, counted: RunLedger) -> TakenData:
    """Plan the ledger of a run from its rows, and put what was counted beside it."""
    from runner.report.planned_ledger import DatasetLedger

    def find(key: Key, label: str) -> KnownDataset:
        rows = catalog.train[key]
        return KnownDataset(len(rows), DatasetLedger(rows, label, spec.training.seed).taken)

    left_out = {}
    for key, label in catalog.labels.items():
        folder = folder_name(key.name, key.suffix)
        lost, meta = catalog.train[key].lost, catalog.stores[folder].meta
        reasons = dict(meta.skipped) | ({"too long for a row": lost.documents} if lost.documents else {})
        held = catalog.left_out_of_validation.get(folder, 0)
        facts = {"cut": lost.cut, "left_out": reasons, "tokens_in_no_row": lost.tokens, "left_out_of_validation": held}
        left_out[label] = facts
    return TakenData(counted, with_counts(planned_ledger(plan, find), counted), left_out)


def ledger_of_stores(spec: Spec, plan: Plan, environment: Environment) -> list[LedgerLine]:
    """Return the planned ledger as far as token stores are known to the environment, and small enough to look up.

    Whole PMD rows are all of one size: no numpy is loaded for them.
    """

    def find(key: Key, label: str) -> KnownDataset | None:
        if (found := environment.datasets.get(key[:2])) is None or found.store is None:
            return None
        meta = read_meta(spec.data.root, key.name, key.suffix)
        documents = meta and stored_documents(spec.data.root, meta, "train")
        if not meta or not documents:
            return None
        block_size, on_too_long = spec.architecture.block_size, spec.data.on_too_long
        try:
            rows = load_style(key.style).count_rows(documents, block_size, on_too_long)
            if not rows or rows > MOST_ROWS:
                return None
            if key.style == "PMD" and not key.document_mask:
                return KnownDataset(rows, lambda _, number: Ledger(number, number * block_size, number * block_size))
            from runner.data.stores.store import open_store
            from runner.report.planned_ledger import DatasetLedger

            split = open_store(store_folder(spec.data.root, meta.name, meta.suffix)).splits["train"]
            opened = load_style(key.style).open_rows(split, block_size, on_too_long, key.document_mask)
        except (Failure, OSError):  # `exec` makes the store again, or says why it can't
            return None
        return KnownDataset(rows, DatasetLedger(opened, label, spec.training.seed).taken)

    return planned_ledger(plan, find)


def with_counts(lines: Sequence[LedgerLine], ledger: RunLedger) -> list[LedgerLine]:
    """Return the lines with what a run has counted, and a line for everything that it counted and nobody planned.

    Where an older version counted its first steps, by dataset alone, no line has a count.
    """
    if EARLIER in ledger.stages:
        return list(lines)
    counted = {(key, label): taken for key, found in ledger.stages.items() for label, taken in found.items()}
    found = [
        replace(line, counted=counted.pop((stage_key(line.phase, line.stage), line.dataset), Ledger()))
        for line in lines
    ]
    for (key, label), taken in counted.items():
        phase, _, stage = key.partition("/")
        found.append(LedgerLine(phase, int(stage), label, Ledger(), None, taken))
    return found


def differences(lines: Sequence[LedgerLine], ledger: RunLedger) -> Iterator[str]:
    """Yield where a run has counted what was not planned: by stage, or by dataset where no line has a count."""
    for line in lines:
        if None not in (line.planned, line.counted) and line.planned != line.counted:
            yield f"phase {line.phase}, stage {line.stage}, {line.dataset}: {_unlike(line.planned, line.counted)}"
    if EARLIER in ledger.stages:
        planned: dict[str, Ledger] = {}
        for line in lines:
            planned[line.dataset] = planned.get(line.dataset, Ledger()) + (line.planned or Ledger())
        for dataset, taken in ledger.counts.items():
            own = replace(planned.get(dataset, Ledger()), padding=taken.padding)  # which was not counted then
            if own != taken:
                yield f"{dataset}: {_unlike(own, taken)}"


def _unlike(planned: Ledger | None, counted: Ledger | None) -> str:
    pairs = {title: (getattr(planned, name), getattr(counted, name)) for title, name in COUNTS.items()}
    unlike = {title: pair for title, pair in pairs.items() if pair[0] != pair[1]}
    return ", ".join(f"{one:,} {title} planned and {other:,} counted" for title, (one, other) in unlike.items())


def render_ledger(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of lines, each as `asdict` makes it; with the counts beside the plan where there are any."""
    sides = ("planned", "counted") if any(line["counted"] for line in lines) else ("planned",)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("phase", "stage", "dataset"):
        table.add_column(title, no_wrap=True)
    for title in COUNTS:
        for side in sides:
            heading = title if len(sides) == 1 else f"{title} planned" if side == "planned" else side
            table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("epochs", justify="right", no_wrap=True)
    for line in lines:
        cells = ["-" if line[side] is None else f"{line[side][name]:,}" for name in COUNTS.values() for side in sides]
        epochs = "-" if line["epochs"] is None else f"{line['epochs']:.2f}"
        table.add_row(line["phase"], str(line["stage"]), line["dataset"], *cells, epochs)
    out = StringIO()
    Console(file=out, width=WIDTH, color_system=None, highlight=False, markup=False, emoji=False).print(table)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def ledger_sentences(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a summary says of its ledger beside the table: what no row holds, and where counted is not planned."""
    for dataset, facts in summary["datasets"].items():
        lost = [f"{facts['cut']:,} rows of a pass are cut"] if facts.get("cut") else []
        left_out = facts.get("left_out", {})
        lost += [f"{number:,} left out ({reason})" for reason, number in left_out.items()]
        lost += [f"{facts['tokens_in_no_row']:,} tokens are in no row"] if facts.get("tokens_in_no_row") else []
        if held := facts.get("left_out_of_validation"):
            lost.append(f"{count(held, 'document')} left out of validation, which the run trains on")
        if lost:
            yield f"{dataset}: {', '.join(lost)}"
    if "ledger" not in summary:
        return
    if not any(line["counted"] for line in summary["ledger"]):
        yield "its first steps were counted by an older version, by dataset alone; these are the planned numbers"
    for difference in summary["ledger_differences"]:
        yield f"counted is not planned: {difference}"
