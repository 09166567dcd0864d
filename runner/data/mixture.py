"""An exact mixture of datasets: which row of which dataset is row n of a stage, for any n, at once.

Shares are met over any window, by `schema.budget.stages.select` and not by chance. Each dataset is permuted anew in
each epoch. It deliberately knows no batches and reads no tokens.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import grain
import numpy as np
import numpy.typing as npt

from runner.data.styles import Rows
from runner.failure import ExitCode, Failure
from schema.budget.stages import select

# grain permutes indices of 32 bits, and walks through up to 2**16 of them for one row of a smaller dataset:
# 4 ms a row for 10 rows, 0.07 ms for 1,000. Permutations of so few rows are made whole instead.
MOST_ROWS = 2**32
FEW_ROWS = 2**16
EPOCHS_KEPT = 4
ENDLESS = sys.maxsize // 2  # grain counts batches in floats, which round sys.maxsize up


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
        _shuffle(start, len(entry.rows), order_seed(seed, entry.name))
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


def _shuffle(start: int, rows: int, seed: int) -> grain.MapDataset[int]:
    """Return the addresses start … start + rows - 1 without end, in another order each epoch."""
    if rows <= FEW_ROWS:
        return grain.MapDataset.range(ENDLESS).map(_SmallOrder(start, rows, seed))
    if _is_power_of_four(rows - 1):
        # Here grain 0.2.18 reads one row twice an epoch and never the last: it permutes rows - 1 indices.
        others = grain.MapDataset.range(start, start + rows - 1).shuffle(seed=seed).repeat()
        return grain.MapDataset.range(ENDLESS).map(_LastRowInserted(others, start, rows, seed))
    return grain.MapDataset.range(start, start + rows).shuffle(seed=seed).repeat()


def _is_power_of_four(rows: int) -> bool:
    return rows & (rows - 1) == 0 and rows.bit_length() % 2 == 1


class _SmallOrder:
    """Position in endless epochs → address; an epoch's permutation is the sorting order of digest bytes."""

    def __init__(self, start: int, rows: int, seed: int) -> None:
        self._start, self._rows, self._seed = start, rows, seed
        self._epoch = lru_cache(EPOCHS_KEPT)(self._permute)

    def __call__(self, position: int) -> int:
        epoch, place = divmod(position, self._rows)
        return self._start + int(self._epoch(epoch)[place])

    def _permute(self, epoch: int) -> npt.NDArray[np.int64]:
        key = f"{self._seed}/{epoch}".encode()
        values = np.frombuffer(hashlib.shake_256(key).digest(8 * self._rows), "<u8")
        return np.argsort(values, kind="stable")


class _LastRowInserted:
    """Position in endless epochs → address: the last row at a place of its own in each epoch, among the others."""

    def __init__(self, others: grain.MapDataset[int], start: int, rows: int, seed: int) -> None:
        self._others, self._start, self._rows, self._seed = others, start, rows, seed
        others[0]  # what grain prepares on first use is not safe to prepare in several threads

    def __call__(self, position: int) -> int:
        epoch, place = divmod(position, self._rows)
        digest = hashlib.sha256(f"last/{self._seed}/{epoch}".encode()).digest()
        inserted = int.from_bytes(digest, "big") % self._rows
        if place == inserted:
            return self._start + self._rows - 1
        address: int = self._others[epoch * (self._rows - 1) + place - (place > inserted)]
        return address


@dataclass(frozen=True, slots=True)
class ExactSelection(grain.transforms.DatasetSelectionMap):
    """Row of a stage → (entry, row of the entry's shuffled epochs); `schema.budget.stages.select` decides."""

    shares: tuple[Fraction, ...]
    first_rows: tuple[int, ...]

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> tuple[int, int]:
        entry, before = select(self.shares, index)
        return entry, self.first_rows[entry] + before
