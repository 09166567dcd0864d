"""How many rows each entry of a mixture provides, stage by stage, and how often its dataset has been read by then.

Rows follow from the rates alone, unless rates or budgets are of supervised tokens: then a `StageDraw` counts them,
which reads token stores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from schema.budget.dataset_names import Key, folder_name, key_of
from schema.budget.stages import AskedStage, StageBudget, rows_before, shares
from schema.check.findings import Unavailable
from schema.environment import StageDraw

DatasetKey = Key


class NotPreparedError(Unavailable):
    """A number that follows from token stores, one of which is not known; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class EntryBudget:
    """One dataset of a stage: rows it provides, after the `first_row` rows that earlier stages took.

    `epochs` is how often the dataset has been read through at the end of the stage, `stage_epochs` how often within it.
    They are None where its rows are unknown; so are all four where they follow from token stores that are not known.
    """

    name: str
    suffix: str
    style: str
    rate: float
    rows: int | None
    first_row: int | None
    epochs: float | None
    stage_epochs: float | None = None
    document_mask: bool = False

    @property
    def key(self) -> DatasetKey:
        """What distinguishes the dataset from the others of the run."""
        return key_of(self)

    @property
    def taken(self) -> int | None:
        """Rows of the dataset that the run has taken at the end of the stage."""
        return None if self.first_row is None or self.rows is None else self.first_row + self.rows


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides how stages are drawn, beside their budgets and mixtures.

    A step takes `batch_size` rows: `tokens_per_step` for each of their sides.

    `by_tokens` and `supervised` say whether rates and budgets are of supervised tokens, `stops` whether a dataset that
    runs out ends its stage.
    """

    batch_size: int
    tokens_per_step: int
    by_tokens: bool = False
    supervised: bool = False
    stops: bool = False

    @property
    def unit(self) -> str:
        """What budgets count, in words."""
        return "supervised tokens" if self.supervised else "tokens"

    @property
    def reads_stores(self) -> bool:
        """Whether numbers of the plan follow from what token stores hold."""
        return self.by_tokens or self.supervised or self.stops

    @property
    def counts_tokens(self) -> bool:
        """Whether the plan counts the supervised tokens of rows."""
        return self.by_tokens or self.supervised

    @property
    def decides_steps(self) -> bool:
        """Whether the steps of a stage follow from token stores."""
        return self.supervised or self.stops


# Entries of a stage, each with its share and the rows that earlier stages took → what counts its rows.
Drawing = Callable[[Sequence[tuple[DatasetKey, Fraction, int]]], StageDraw]


@dataclass(slots=True)
class Draws:
    """The stages of a run, begun one after the other; `entries` are those of the stages that are closed.

    `rows_of` counts the rows of a whole dataset, None where they are unknown. `draw` counts the rows and supervised
    tokens of a stage; it raises NotPreparedError where a store is not known.
    """

    terms: Terms
    rows_of: Callable[[DatasetKey], int | None]
    draw: Drawing
    entries: list[tuple[EntryBudget, ...]] = field(default_factory=list)
    taken: dict[DatasetKey, int | None] = field(default_factory=dict)

    def begin(self, stage: AskedStage) -> DrawnStage:
        """Begin a stage behind those that are closed.

        Raises Unavailable for a mixture without entries, or with a rate that is not positive: other findings say so.
        """
        rates = [entry.rate for entry in stage.mixture]
        if not rates or any(rate <= 0 for rate in rates):
            raise Unavailable(stage.path)
        return DrawnStage(self, stage, shares(rates))

    def refuse_twice(self, stage: AskedStage, keys: Sequence[DatasetKey]) -> None:
        """Raise Unavailable where a mixture lists a dataset twice: what is left to the second is not known before."""
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise Unavailable(stage.path) from ValueError(
                f"{stage.path}: its mixture lists '{folder_name(*twice[:2])}' twice, and its supervised tokens are "
                "counted; keep one entry with the rates added up"
            )


@dataclass(frozen=True)
class DrawnStage:
    """A stage that is being planned, as `schema.budget.stages.Measured` has it."""

    draws: Draws
    stage: AskedStage
    shares: tuple[Fraction, ...]

    @cached_property
    def drawn(self) -> StageDraw:
        """What counts its rows. Raises NotPreparedError where a store is not known."""
        self.draws.refuse_twice(self.stage, self.stage.keys)
        parts = []
        for key, share in zip(self.stage.keys, self.shares, strict=True):
            first = self.draws.taken.get(key, 0)
            if first is None:  # of a stage that was not known either
                raise NotPreparedError(self.stage.path)
            parts.append((key, share, first))
        return self.draws.draw(parts)

    def counts(self, steps: int) -> tuple[int, ...]:
        """Rows that each entry provides to the first steps. Raises NotPreparedError."""
        rows = steps * self.draws.terms.batch_size
        is_shared = self.draws.terms.by_tokens and len(self.shares) > 1
        return self.drawn.counts(rows) if is_shared else rows_before(self.shares, rows)

    def taken(self, steps: int) -> int:
        """What the first steps take, in the unit of training/budget. Raises NotPreparedError."""
        terms = self.draws.terms
        if terms.supervised:
            return self.drawn.supervised(steps * terms.batch_size)
        return steps * terms.tokens_per_step * self.stage.sides

    def most(self, wanted: int) -> int | None:
        """Whole steps until a dataset runs out; None where none does before they take `wanted`, or nobody knows.

        What is behind that is not drawn: a dataset may have rows for a thousand such stages.
        """
        try:
            if not self.draws.terms.stops or not self._left:
                return None
            low, high = 0, 1
            while not any(self._exhausted(high)):
                if self.taken(high) >= wanted:
                    return None
                low, high = high, 2 * high
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if any(self._exhausted(middle)) else (middle, high)
        except NotPreparedError:
            return None
        return low

    def scarce(self, most: int) -> str:
        """The dataset of which too little is left for one step more."""
        return next(self._exhausted(most + 1))

    @cached_property
    def _left(self) -> dict[DatasetKey, int]:
        """Rows that are left of each dataset of which that is known."""
        found = {key: (self.draws.rows_of(key), self.draws.taken.get(key, 0)) for key in self.stage.keys}
        return {
            key: max(0, rows - taken) for key, (rows, taken) in found.items() if rows is not None and taken is not None
        }

    def _exhausted(self, steps: int) -> Iterator[str]:
        """The datasets that the first steps ask more of than is left."""
        asked = _added(zip(self.stage.keys, self.counts(steps), strict=True))
        return (folder_name(*key[:2]) for key, rows in asked.items() if rows > self._left.get(key, rows))

    def close(self, steps: int) -> None:
        """Take so many steps."""
        counts: tuple[int | None, ...]
        try:
            counts = self.counts(steps)
        except NotPreparedError:
            counts = (None,) * len(self.stage.keys)
        found, taken = [], self.draws.taken
        for key, entry, rows in zip(self.stage.keys, self.stage.mixture, counts, strict=True):
            first, available = taken.get(key, 0), self.draws.rows_of(key)
            if first is None or rows is None:
                taken[key] = None
                found.append(EntryBudget(*key[:3], entry.rate, None, None, None, None, key.document_mask))
                continue
            taken[key] = first + rows
            epochs, own = ((first + rows) / available, rows / available) if available else (None, None)
            found.append(EntryBudget(*key[:3], entry.rate, rows, first, epochs, own, key.document_mask))
        self.draws.entries.append(tuple(found))


def draw_rows(stages: Sequence[StageBudget], draws: Draws) -> tuple[tuple[EntryBudget, ...], ...]:
    """Give every entry of every stage its rows; raises Unavailable as `Draws.begin` does."""
    for stage in stages:
        draws.begin(stage).close(stage.steps)
    return tuple(draws.entries)


def _added(counts: Iterable[tuple[DatasetKey, int]]) -> dict[DatasetKey, int]:
    found: dict[DatasetKey, int] = {}
    for key, rows in counts:
        found[key] = found.get(key, 0) + rows
    return found
