"""How many rows each entry of a mixture provides, stage by stage, and how often its dataset has been read by then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from schema.budget.dataset_names import Key, key_of
from schema.budget.stages import StageBudget, rows_before, shares
from schema.check.findings import Unavailable

DatasetKey = Key


@dataclass(frozen=True, slots=True)
class EntryBudget:
    """One dataset of a stage: rows it provides, after the `first_row` rows that earlier stages took.

    `epochs` is how often the dataset has been read through at the end of the stage; None where its rows are unknown.
    """

    name: str
    suffix: str
    style: str
    rate: float
    rows: int
    first_row: int
    epochs: float | None
    document_mask: bool = False

    @property
    def key(self) -> DatasetKey:
        """What distinguishes the dataset from the others of the run."""
        return key_of(self)

    @property
    def taken(self) -> int:
        """Rows of the dataset that the run has taken at the end of the stage."""
        return self.first_row + self.rows


def draw_rows(
    stages: Sequence[StageBudget], batch_size: int, rows_of: Callable[[DatasetKey], int | None]
) -> tuple[tuple[EntryBudget, ...], ...]:
    """Give every entry of every stage its rows; `rows_of` counts those of a whole dataset, where that is known.

    Raises Unavailable for a mixture without entries, or with a rate that is not positive: other findings say so.
    """
    drawn: dict[DatasetKey, int] = {}
    rows_of = cache(rows_of)
    return tuple(tuple(_draw_stage(stage, batch_size, drawn, rows_of)) for stage in stages)


def _draw_stage(
    stage: StageBudget, batch_size: int, drawn: dict[DatasetKey, int], rows_of: Callable[[DatasetKey], int | None]
) -> Iterator[EntryBudget]:
    rates = [entry.rate for entry in stage.mixture]
    if not rates or any(rate <= 0 for rate in rates):
        raise Unavailable(stage.path)
    for entry, rows in zip(stage.mixture, rows_before(shares(rates), stage.steps * batch_size), strict=True):
        key = key_of(entry)
        first_row = drawn.get(key, 0)
        drawn[key] = first_row + rows
        available = rows_of(key)
        epochs = drawn[key] / available if available else None
        yield EntryBudget(*key[:3], entry.rate, rows, first_row, epochs, key.document_mask)
