"""CONTRASTIVE: a chosen and a rejected answer to one prompt, two sequences a row; each answer is supervised.

Each side is padded on the right, as a PADDED row is, so that causal attention never sees padding. `data/on_too_long`
truncates both sides alike, drops pairs with a side that is too long, or refuses them. A pair whose sides are the same
tokens once they are cut is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.data.styles._split_rows import SplitRows
from runner.data.styles._style import Documents, Gathered, Lost, PairLengths, Part, RowSizes, TokenSplit
from runner.data.styles.padded import PaddedRows
from runner.failure import ExitCode, Failure

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_NAMED = 3  # pairs that a remark names by number


def count_rows(documents: Documents, block_size: int, on_too_long: str) -> int:
    """Return the number of pairs without those that `on_too_long` leaves out; 0 where documents are no pairs."""
    pairs = documents.pairs
    if pairs is None:
        return 0
    number, width = sum(pairs.longest.values()), block_size + 1
    if on_too_long == "drop":
        return number - _longer(pairs.longest, width)
    return number - (_alike(pairs, width) if on_too_long == "truncate" else 0)


def open_rows(split: TokenSplit, block_size: int, on_too_long: str, document_mask: bool = False) -> ContrastiveRows:
    """Bind the style to a split.

    Raises Failure (INVALID) when `on_too_long` is "error" and a side is too long, and when no pair is left; ValueError
    for a split without pairs.
    """
    del document_mask  # a sequence has one document
    pairs = split.pairs
    if pairs is None:
        raise ValueError(f"'{split.dataset}' holds no pairs")
    width, number, longest = block_size + 1, sum(pairs.longest.values()), max(pairs.longest)
    too_long, alike = _longer(pairs.longest, width), _alike(pairs, width)
    if not too_long:
        return ContrastiveRows(split, block_size, (), Lost(), None)
    finding = f"{too_long} of {number} pairs have a side that is longer than block_size + 1 = {width} tokens"
    place = f"dataset '{split.dataset}', split {split.split}"
    if on_too_long == "error" or (on_too_long == "drop" and too_long == number):
        raise Failure(
            f"{place}: {finding}, the longest has {longest}; write architecture/block_size: {longest - 1} or "
            "data/on_too_long: truncate",
            ExitCode.INVALID,
        )
    if alike == number:
        raise Failure(
            f"{place}: {finding}, and cut there both sides of every one are the same; write architecture/block_size: "
            f"{longest - 1}",
            ExitCode.INVALID,
        )
    return _kept(split, block_size, finding, drop=on_too_long == "drop")


def _kept(split: TokenSplit, block_size: int, finding: str, *, drop: bool) -> ContrastiveRows:
    """Return the rows of a split in which some side is too long."""
    import numpy as np  # here, because the planner counts rows without numpy

    from runner.data.stores.pairs import apart_at

    place, width = f"{split.dataset} ({split.split})", block_size + 1
    lengths = np.diff(split.offsets).astype(np.int64).reshape(-1, 2)  # (pairs, 2)
    longer = np.flatnonzero(lengths.max(axis=1) > width)
    if drop:
        lost = Lost(documents=len(longer), tokens=int(lengths[longer].sum()))
        fitting = np.delete(np.arange(len(lengths)), longer)
        return ContrastiveRows(split, block_size, (f"{place}: {finding} and are dropped",), lost, fitting)
    # Where the shorter side is whole and shorter than a row, they stay apart.
    both = np.flatnonzero(lengths.min(axis=1) >= width)
    alike = both[apart_at(split.tokens, split.offsets, both) >= width]
    kept = np.delete(np.arange(len(lengths)), alike)
    beyond = np.maximum(lengths[kept] - width, 0).sum()
    lost = Lost(len(longer) - len(alike), len(alike), int(beyond + lengths[alike].sum()))
    remarks = [f"{place}: {finding} and are truncated"]
    if len(alike):
        named = ", ".join(map(str, alike[:MOST_NAMED])) + (", …" if len(alike) > MOST_NAMED else "")
        remarks.append(
            f"{place}: {len(alike)} of them are the same on both sides once cut, and left out (pair {named})"
        )
    return ContrastiveRows(split, block_size, tuple(remarks), lost, kept)


@dataclass(frozen=True, slots=True)
class ContrastiveRows(SplitRows):
    """Satisfies `runner.data.styles.Rows`. `fitting` lists the pairs that are rows, (rows,); None is all."""

    fitting: npt.NDArray[np.int64] | None

    @property
    def sides(self) -> int:
        """A row is a chosen and a rejected sequence."""
        return 2

    def __len__(self) -> int:
        return (len(self.source.offsets) - 1) // 2 if self.fitting is None else len(self.fitting)

    def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
        """Return the sides of rows, (2b, t + 1): chosen at 2i, rejected at 2i + 1, with their answers supervised."""
        return self._padded().gather(self._documents(indices))

    def sizes(self, indices: npt.NDArray[np.int64]) -> RowSizes:
        """Return the tokens of both sides of each pair, each at most t, and their supervised targets."""
        tokens, supervised = self._padded().sizes(self._documents(indices))
        return RowSizes(tokens.reshape(-1, 2).sum(axis=1), supervised.reshape(-1, 2).sum(axis=1))

    def documents(self, index: int) -> list[Part]:
        """Return the chosen and the rejected document of a row, each in a sequence of its own."""
        import numpy as np

        numbers = self._documents(np.array([index], np.int64)).tolist()
        return [Part(each, 0, int(self.source.offsets[each + 1] - self.source.offsets[each])) for each in numbers]

    def _documents(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The documents of rows, (2b,)."""
        import numpy as np

        pairs = indices if self.fitting is None else self.fitting[indices]
        return (2 * pairs[:, None] + np.arange(2)).reshape(-1)

    def _padded(self) -> PaddedRows:
        """Both sides as rows of their own."""
        return PaddedRows(self.source, self.block_size, (), Lost(), None)


def _longer(lengths: Mapping[int, int], width: int) -> int:
    return sum(pairs for length, pairs in lengths.items() if length > width)


def _alike(pairs: PairLengths, width: int) -> int:
    """How many pairs are the same on both sides up to the end of a row."""
    return sum(number for place, number in pairs.apart.items() if place >= width)
