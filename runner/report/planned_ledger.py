"""What a stage will take of a dataset, before a step is taken: the counts that a run's ledger has after it.

The rows that a stage takes are consecutive ones of the dataset's own order, from epoch to epoch. Of whole epochs the
order does not matter; of the others, the rows that are drawn are looked up, or those that are not where they are fewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from runner.data.ledger import Ledger
from runner.data.permutation import Words, order_key, shuffled
from runner.data.styles import Rows

ROWS_AT_ONCE = 2**16  # some 400 bytes each while their places are computed
# Looking a row up by its place in the order takes some times as long as passing by it.
PASSED_FOR_ONE = 8


@dataclass(slots=True)
class DatasetLedger:
    """The rows of a dataset in the order of a run, which its `label` and the `seed` decide. Sums are kept."""

    rows: Rows
    label: str
    seed: int
    _key: Words = field(init=False)
    _epoch: Ledger | None = field(default=None, init=False)
    _is_even: bool = field(default=False, init=False)  # every row takes what the first one does

    def __post_init__(self) -> None:
        self._key = order_key(self.seed, self.label)

    def taken(self, first: int, number: int) -> Ledger:
        """Return what the rows `first` … `first + number - 1` of the order take, which runs from epoch to epoch."""
        rows, last = len(self.rows), first + number
        begin, end = -(-first // rows) * rows, last // rows * rows  # of the whole epochs among them
        if begin > end:  # all lie within one
            return self._within(first, last)
        whole = self.epoch() * ((end - begin) // rows) if begin < end else Ledger()
        return self._within(first, begin) + whole + self._within(end, last)

    def epoch(self) -> Ledger:
        """Return what one pass over all rows takes."""
        if self._epoch is None:
            taken, first = Ledger(), self._sum(np.zeros(1, np.int64))
            self._is_even = True
            for some in _portions(0, len(self.rows)):
                tokens, supervised = self.rows.sizes(some)
                taken += self._ledger(len(some), int(tokens.sum()), int(supervised.sum()))
                even = (tokens == first.tokens_seen) & (supervised == first.tokens_supervised)
                self._is_even = self._is_even and bool(even.all())
            self._epoch = taken
        return self._epoch

    def _within(self, first: int, last: int) -> Ledger:
        """What the rows `first` to before `last` of the order take, which lie in one epoch."""
        number, rows = last - first, len(self.rows)
        if not number:
            return Ledger()
        if self._epoch is None and number * PASSED_FOR_ONE <= rows:
            return self._drawn(first, last)
        whole = self.epoch()
        if self._is_even:
            return self._sum(np.zeros(1, np.int64)) * number
        if number * 2 <= rows:
            return self._drawn(first, last)
        begin = first // rows * rows
        return whole + (self._drawn(begin, first) + self._drawn(last, begin + rows)) * -1

    def _drawn(self, first: int, last: int) -> Ledger:
        taken = Ledger()
        for some in _portions(first, last):
            taken += self._sum(shuffled(some, len(self.rows), self._key))
        return taken

    def _sum(self, numbers: npt.NDArray[np.int64]) -> Ledger:
        tokens, supervised = self.rows.sizes(numbers)
        return self._ledger(len(numbers), int(tokens.sum()), int(supervised.sum()))

    def _ledger(self, number: int, tokens: int, supervised: int) -> Ledger:
        return Ledger(number, tokens, supervised, number * self.rows.sides * self.rows.block_size - tokens)


def _portions(first: int, last: int) -> Iterator[npt.NDArray[np.int64]]:
    for begin in range(first, last, ROWS_AT_ONCE):
        yield np.arange(begin, min(begin + ROWS_AT_ONCE, last), dtype=np.int64)
