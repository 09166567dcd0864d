"""An exact mixture of datasets: which row of which dataset is row n of a stage, for any n, at once.

Shares are met over any window, by `schema.budget.select` and not by chance. Each dataset is permuted anew in
each epoch. It deliberately knows no batches and reads no tokens.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import grain

from runner.data.styles import Rows
from runner.failure import ExitCode, Failure
from schema import budget

# grain permutes indices of 32 bits
MOST_ROWS = 2**32


@dataclass(frozen=True, slots=True)
class MixtureEntry:
    """One dataset of a stage: its rows, its share of the stage, and how many rows earlier stages consumed.

    `name` tells datasets apart: it seeds the order and names the ledger; entries of several stages that
    share rows must share it.
    """

    name: str
    rows: Rows
    share: Fraction
    first_row: int = 0


def build_mixture(entries: Sequence[MixtureEntry], seed: int) -> grain.MapDataset[int]:
    """Return a dataset without end whose element n is the address of row n of a stage.

    The address of row i of entry e is i plus the rows of all entries before e; `starts` has those sums.
    Reading any element takes the same time. Raises Failure (INVALID) when an entry has no rows, or too many.
    """
    for entry in entries:
        if not 0 < len(entry.rows) <= MOST_ROWS:
            raise Failure(
                f"dataset '{entry.name}' has {len(entry.rows)} rows, and a mixture takes from 1 to 2**32; "
                "write another architecture/block_size or split the dataset",
                ExitCode.INVALID,
            )
    first = starts(entries)
    shuffled = [
        grain.MapDataset.range(start, start + len(entry.rows)).shuffle(seed=order_seed(seed, entry.name)).repeat()
        for entry, start in zip(entries, first, strict=True)
    ]
    selection = ExactSelection(tuple(entry.share for entry in entries), tuple(entry.first_row for entry in entries))
    return grain.MapDataset.select_from_datasets(shuffled, selection)


def starts(entries: Sequence[MixtureEntry]) -> tuple[int, ...]:
    """Return the address of the first row of each entry."""
    return tuple(itertools.accumulate((len(entry.rows) for entry in entries[:-1]), initial=0))


def order_seed(seed: int, name: str) -> int:
    """Return the 32-bit seed of a dataset's order: a digest, so that no two datasets or seeds are neighbours.

    (grain adds the epoch to it.)
    """
    return int.from_bytes(hashlib.sha256(f"order/{seed}/{name}".encode()).digest()[:4], "big")


@dataclass(frozen=True, slots=True)
class ExactSelection(grain.transforms.DatasetSelectionMap):  # type: ignore[misc]  # grain has no types
    """Row of a stage → (entry, row of the entry's shuffled epochs); `schema.budget.select` decides."""

    shares: tuple[Fraction, ...]
    first_rows: tuple[int, ...]

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, index: int) -> tuple[int, int]:
        entry, before = budget.select(self.shares, index)
        return entry, self.first_rows[entry] + before
