"""An exact mixture of datasets: which row of which dataset is row n of a stage, computed for any n directly.

Shares are met over any window, by `schema.budget.stages.select` and not by chance. Each dataset has another order in
each epoch. It deliberately knows no batches and reads no tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from runner.data.permutation import order_key, shuffled
from runner.data.styles import Rows
from runner.failure import ExitCode, Failure
from schema.budget.stages import select


@dataclass(frozen=True, slots=True)
class MixtureEntry:
    """One dataset of a stage: its rows, its share of the stage, and how many rows earlier stages consumed.

    `name` distinguishes datasets: it seeds the order and names the ledger; entries of several stages that
    share rows must share it.
    """

    name: str
    rows: Rows
    share: Fraction
    first_row: int = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a dataset gives to a window of a stage: rows `numbers` (m,) of its split, at `places` (m,) of the window."""

    places: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]


def check_rows(entries: Sequence[MixtureEntry]) -> None:
    """Raise Failure INVALID when an entry has no rows."""
    for entry in entries:
        if not len(entry.rows):
            raise Failure(
                f"dataset '{entry.name}' has 0 rows; write another architecture/block_size or give it more text",
                ExitCode.INVALID,
            )


def draw(entries: Sequence[MixtureEntry], seed: int, first: int, rows: int) -> list[Drawn]:
    """Return what each entry gives to the rows `first` … `first + rows - 1` of a stage, in its order of this seed.

    The time does not depend on `first`: a resumed run starts anywhere without reading what comes before.
    """
    shares = [entry.share for entry in entries]
    # (rows, 2): the number of each row's entry, and how many rows of the stage that entry gave before.
    selected = np.array([select(shares, row) for row in range(first, first + rows)], np.int64)
    drawn = []
    for number, entry in enumerate(entries):
        places = np.flatnonzero(selected[:, 0] == number)
        # Earlier stages consumed `first_row` rows: the order continues there, from epoch to epoch.
        positions = entry.first_row + selected[places, 1]  # (m,)
        drawn.append(Drawn(places, shuffled(positions, len(entry.rows), order_key(seed, entry.name))))
    return drawn
