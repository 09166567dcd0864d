"""Stages whose rates or budgets are of supervised tokens: which rows they take, and what those hold.

The arithmetic reads the sizes of rows (`Rows.sizes`) and no token. It is a function of (seed, stage): nothing is stored
for resuming, and devices don't matter. Some 30 bytes are kept for each row of a dataset; where shares are of tokens,
also 16 for each row of the stage, and 40 more while it is merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from runner.data.permutation import order_key, shuffled
from runner.data.styles import Rows
from runner.failure import ExitCode, Failure
from schema.budget.stages import rows_before

Integers = npt.NDArray[np.int64]

ROWS_AT_ONCE = 2**16  # whose sizes are read, or whose order is found, at 400 bytes a row
SHARE_BITS = 64  # of a share's numerator; what is beyond changes no order


@dataclass(slots=True)
class SizedRows:
    """A dataset's rows in the order of a run from `first_row` on: how many supervised tokens each of them has.

    `name` and `seed` make the order, as in a `MixtureEntry`. What was computed once is kept.
    """

    name: str
    rows: Rows
    first_row: int
    seed: int
    mean: Fraction = field(init=False)  # supervised tokens of a row
    _table: npt.NDArray[np.int32] = field(init=False)  # (rows,), in the order of the split; (1,) where all are equal
    _ends: Integers = field(init=False)  # (k + 1,): tokens of the first 0, 1, … k rows of the order
    # By epoch, of its rows as `_ends`, (rows + 1,): of the one of `first_row`, and of the last that was asked about.
    _epochs: dict[int, Integers] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        parts: list[npt.NDArray[np.int32]] = []
        for start in range(0, len(self.rows), ROWS_AT_ONCE):
            numbers = np.arange(start, min(start + ROWS_AT_ONCE, len(self.rows)), dtype=np.int64)
            sizes = self.rows.sizes(numbers).supervised.astype(np.int32)
            is_even = (sizes == sizes[0]).all()  # as of PMD, which has the most rows: they take no memory
            parts.append(np.broadcast_to(sizes[0], sizes.shape) if is_even else sizes)
        has_one_size = all(part.strides == (0,) and part[0] == parts[0][0] for part in parts)
        self._table = parts[0][:1].copy() if has_one_size else np.concatenate(parts)
        self.mean = Fraction(int(self._table.sum(dtype=np.int64)), len(self._table))
        self._ends = np.zeros(1, np.int64)

    def total(self, rows: int) -> int:
        """Return the supervised tokens of the first `rows` rows, however many epochs these are."""
        if len(self._table) == 1:
            return rows * int(self._table[0])
        if rows <= max(len(self.rows), len(self._ends) - 1):
            return int(self.ends(rows)[rows])
        return self._before(self.first_row + rows) - self._before(self.first_row)

    def _before(self, position: int) -> int:
        """Supervised tokens before a position of the whole order, which runs from epoch to epoch."""
        number = len(self.rows)
        epoch, rest = divmod(position, number)
        if epoch not in self._epochs:
            first = {key: ends for key, ends in self._epochs.items() if key == self.first_row // number}
            self._epochs = {**first, epoch: self._summed(epoch * number, (epoch + 1) * number)}
        ends = self._epochs[epoch]
        return epoch * int(ends[-1]) + int(ends[rest])

    def ends(self, rows: int) -> Integers:
        """Return the supervised tokens of the first 0, 1, … `rows` rows, (rows + 1,)."""
        known = len(self._ends) - 1
        if rows > known:
            start, end = self.first_row + known, self.first_row + max(rows, 2 * known)
            self._ends = np.concatenate([self._ends, self._ends[-1] + self._summed(start, end)[1:]])
        return self._ends[: rows + 1]

    def _summed(self, start: int, end: int) -> Integers:
        """Supervised tokens of the first 0, 1, … of the rows `start` to before `end` of the endless order."""
        sizes = [self._sizes(each, min(ROWS_AT_ONCE, end - each)) for each in range(start, end, ROWS_AT_ONCE)]
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(sizes))])

    def _sizes(self, start: int, rows: int) -> Integers:
        """Sizes of the rows from `start` on in the endless order, (rows,)."""
        if len(self._table) == 1:
            return np.full(rows, self._table[0], np.int64)
        positions = np.arange(start, start + rows, dtype=np.int64)
        numbers = shuffled(positions, len(self.rows), order_key(self.seed, self.name))
        return self._table[numbers].astype(np.int64)


@dataclass(slots=True)
class TokenDraw:
    """A stage whose supervised tokens are counted; satisfies `schema.environment.StageDraw`.

    `by_tokens` says that its shares are of them too; they are of rows otherwise. Raises Failure INVALID where there is
    none to count.
    """

    parts: Sequence[SizedRows]
    shares: Sequence[Fraction]
    by_tokens: bool
    _places: list[Integers] = field(default_factory=list)
    _merged_rows: int = 0

    def __post_init__(self) -> None:
        without = [f"'{part.name}'" for part in self.parts if not part.mean]
        if without and (self.by_tokens or len(without) == len(self.parts)):
            key = "data/rates_by: rows" if self.by_tokens else "training/budget: tokens"
            raise Failure(
                f"no row of {', '.join(without)} has a supervised token to count; write {key}, raise "
                "architecture/block_size, or leave it out",
                ExitCode.INVALID,
            )

    def counts(self, rows: int) -> tuple[int, ...]:
        """How many of the first rows of the stage each dataset provides."""
        if not self.by_tokens:
            return rows_before(self.shares, rows)
        return tuple(len(places) for places in self.places(rows))

    def supervised(self, rows: int) -> int:
        """Supervised tokens of the first rows of the stage."""
        counts = zip(self.parts, self.counts(rows), strict=True)
        return sum(part.total(count) for part, count in counts)

    def places(self, rows: int) -> list[Integers]:
        """Return which of its first rows each dataset gives, ascending, (m,) each, where shares are of tokens."""
        if rows > self._merged_rows or not self._places:
            self._merged_rows = max(rows, 2 * self._merged_rows)
            self._places = merge(self.parts, self.shares, self._merged_rows)
        return [places[: np.searchsorted(places, rows)] for places in self._places]


def merge(parts: Sequence[SizedRows], shares: Sequence[Fraction], rows: int) -> list[Integers]:
    """Return which of the first `rows` rows of a stage each dataset gives, so that supervised tokens meet the shares.

    This is weighted fair queueing: the time of a row is when half of its tokens are due at its dataset's share, and the
    rows of two datasets stand in the order of their times, the first dataset's before the other's where they are equal.
    As with shares of rows, each dataset is merged with all behind it, so that rows of one size give the same order as
    those. Over any window, the tokens of a dataset are within one row, the largest of all, of its share for two
    datasets (one row more for each further one). A row without supervised tokens takes no time and holds up none.
    """
    paces = [share / part.mean for share, part in zip(shares, parts, strict=True)]
    # About as many rows of each dataset as are needed; more are taken where that is too few.
    taken = [min(rows, int(rows * pace / sum(paces) * Fraction(17, 16)) + 64) for pace in paces]
    while True:
        places = _merge([part.ends(count) for part, count in zip(parts, taken, strict=True)], shares, rows)
        used = [int(np.searchsorted(each, rows)) for each in places]
        # The order is right up to where the rows of a dataset end that would have had more.
        short = [own == count < rows for own, count in zip(used, taken, strict=True)]
        if not any(short):
            return [each[:own] for each, own in zip(places, used, strict=True)]
        taken = [min(rows, 2 * count) if more else count for count, more in zip(taken, short, strict=True)]


def _merge(ends: Sequence[Integers], shares: Sequence[Fraction], rows: int) -> list[Integers]:
    """Merge the first rows of datasets, given by their ends; places from `rows` on may be left out."""
    rest, places, behind = ends[-1], [np.arange(len(ends[-1]) - 1)], shares[-1]
    for own, share in zip(reversed(ends[:-1]), reversed(shares[:-1]), strict=True):
        unit, other_unit = _units(share / behind)
        # Twice the tokens due, of each row. A quotient of floats keeps the order of exact ones, and equal ones equal.
        times, other_times = (own[:-1] + own[1:]) / unit, (rest[:-1] + rest[1:]) / other_unit
        own_places = np.arange(len(times)) + np.searchsorted(other_times, times, side="left")
        rest_places = np.arange(len(other_times)) + np.searchsorted(times, other_times, side="right")
        sizes = np.empty(len(times) + len(other_times), np.int64)
        sizes[own_places], sizes[rest_places] = np.diff(own), np.diff(rest)
        rest = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes[:rows])])
        places = [own_places, *(rest_places[each[each < len(rest_places)]] for each in places)]
        behind += share
    return places


def _units(ratio: Fraction) -> tuple[float, float]:
    """Return two shares with this ratio: whole numbers, as far as they are of few digits."""
    bits = max(ratio.numerator.bit_length(), ratio.denominator.bit_length())
    scale = 2 ** max(0, bits - SHARE_BITS)
    return float(Fraction(ratio.numerator, scale)), float(Fraction(ratio.denominator, scale))
