"""What one pass over the rows of a split takes: the counts that the ledger of a run has after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from runner.data.ledger import Ledger
from runner.data.styles import Rows

ROWS_AT_ONCE = 2**17


@dataclass(frozen=True, slots=True)
class Totals:
    """One pass: what is `taken`, and how many inputs are padding."""

    taken: Ledger
    padding: int


def count_rows(rows: Rows, advance: Callable[[int], object] = int) -> Totals:
    """Count all rows by their sizes, no token is read; `advance` is called with the number of rows counted since."""
    taken = Ledger()
    for first in range(0, len(rows), ROWS_AT_ONCE):
        some = np.arange(first, min(first + ROWS_AT_ONCE, len(rows)), dtype=np.int64)
        tokens, supervised = (int(sizes.sum()) for sizes in rows.sizes(some))
        taken += Ledger(len(some), tokens, supervised, len(some) * rows.sides * rows.block_size - tokens)
        advance(len(some))
    return Totals(taken, taken.padding)
