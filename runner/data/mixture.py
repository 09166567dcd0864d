"""An exact mixture of datasets: which row of which dataset is row n of a stage, computed for any n directly.

Shares are met over any window, by `schema.budget.stages.rows_before` and not by chance. Each dataset has another order
in each epoch. It deliberately knows no batches and reads no tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from runner.data.permutation import order_key, shuffled
from runner.data.styles import Rows
from runner.failure import ExitCode, Failure


@dataclass(frozen=True, slots=True)
class MixtureEntry:
    """One dataset of a stage: its rows, its share of the stage, and how many rows earlier stages consumed.

    `name` distinguishes datasets: it seeds the order and names the ledger; entries of several stages that
    share rows must share it. `content` identifies what the rows hold, for digests. `places` (m,) are the rows of the
    stage that it gives, ascending, where shares are of supervised tokens; None where they are of rows.
    """

    name: str
    rows: Rows
    share: Fraction
    first_row: int = 0
    content: str = ""
    places: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a dataset gives to a window of a stage: rows `numbers` (m,) of its split, at `places` (m,) of the window.

    They are those at the `first` … `first + m - 1` of its own order, which runs from epoch to epoch.
    """

    places: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    first: int


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

    A window is a step of the loader or a whole stage, at about 400 bytes a row meanwhile. The time does not depend on
    `first`: a resumed run starts anywhere without reading what comes before.
    """
    drawn = []
    by_tokens = [_between(entry.places, first, rows) for entry in entries if entry.places is not None]
    windows = by_tokens or _by_share([entry.share for entry in entries], first, rows)
    for entry, (places, before) in zip(entries, windows, strict=True):
        # Earlier stages consumed `first_row` rows: the order continues there, from epoch to epoch.
        start = entry.first_row + before
        positions = np.arange(start, start + len(places), dtype=np.int64)
        numbers = shuffled(positions, len(entry.rows), order_key(seed, entry.name))
        drawn.append(Drawn(places, numbers, start))
    return drawn


def _between(places: npt.NDArray[np.int64], first: int, rows: int) -> tuple[npt.NDArray[np.int64], int]:
    """Return the places (m,) in a window that a dataset takes, and how many it took before the window."""
    start, end = np.searchsorted(places, [first, first + rows]).tolist()
    return places[start:end] - first, start


def _by_share(shares: Sequence[Fraction], first: int, rows: int) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """Yield the places (m,) in a window that each dataset takes, and how many rows it took before the window.

    Each dataset in turn takes the rows at which its rounded share of what the datasets before it left rises by one;
    what it leaves are consecutive rows of the next one's choice. Counts over the first n rows therefore stay within one
    row of share × n for two datasets (half a row more for each further one).
    """
    places, left = np.arange(rows), Fraction(1)
    for share in shares[:-1]:
        counts = _rounded(share / left, first, len(places) + 1)
        taken = counts[1:] > counts[:-1]
        yield places[taken], int(counts[0])
        places, first, left = places[~taken], first - int(counts[0]), left - share
    yield places, first


def _rounded(ratio: Fraction, first: int, numbers: int) -> npt.NDArray[Any]:
    """Return ratio × n for n = `first` … `first + numbers - 1`, rounded to the nearest integer, halves up; exact."""
    step, unit = 2 * ratio.numerator, 2 * ratio.denominator
    whole, rest = divmod(first * step + ratio.denominator, unit)  # what is added within the window stays small
    most = rest + step * numbers
    # Shares of very many digits take Python's integers, which are slow and have no end.
    beyond = np.arange(numbers, dtype=np.int64 if max(most, unit) < 2**63 else object)
    return whole + (rest + step * beyond) // unit
