"""What one pass over the rows of a split takes: the counts that the ledger of a run has after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from runner.data.ledger import Ledger, taken_by
from runner.data.styles import Rows

TOKENS_AT_ONCE = 2**20


@dataclass(frozen=True, slots=True)
class Totals:
    """One pass: what is `taken`, and how many inputs are padding."""

    taken: Ledger
    padding: int


def count_rows(rows: Rows, advance: Callable[[int], object] = int) -> Totals:
    """Read all rows once; `advance` is called with the number of rows that were read since."""
    taken, at_once = Ledger(), max(1, TOKENS_AT_ONCE // (rows.block_size + 1))
    for first in range(0, len(rows), at_once):
        some = np.arange(first, min(first + at_once, len(rows)), dtype=np.int64)
        taken += taken_by(rows.gather(some), rows.sides)
        advance(len(some))
    return Totals(taken, taken.rows * rows.sides * rows.block_size - taken.tokens_seen)
