"""PMD: a split is one flat file of tokens, cut into blocks; every position is supervised.

Row i is tokens[i · t : i · t + t + 1], so that each token but the first is predicted exactly once. The last
tokens, too few for a row, are left out. Only end of text marks the boundary of two documents; with `document_mask` each
is a segment, whose first token nothing predicts.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.data.styles._split_rows import SplitRows, lay_out, read_windows
from runner.data.styles._style import Documents, Gathered, Lost, Part, RowSizes, TokenSplit
from runner.failure import ExitCode, Failure

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def count_rows(documents: Documents, block_size: int, on_too_long: str) -> int:
    """Return the number of whole rows; documents may have any length, so `on_too_long` has no effect."""
    del on_too_long
    return max(0, _tokens(documents.lengths) - 1) // block_size


def open_rows(split: TokenSplit, block_size: int, on_too_long: str, document_mask: bool = False) -> PmdRows:
    """Bind the style to a split. Raises Failure (INVALID) when its tokens do not fill one row."""
    rows = count_rows(split, block_size, on_too_long)
    tokens = _tokens(split.lengths)  # r rows need r · t + 1: neighbouring rows share one token
    if rows == 0:
        raise Failure(
            f"dataset '{split.dataset}' has {tokens} tokens in split {split.split}, and one PMD row needs "
            f"{block_size + 1} (architecture/block_size + 1); add text or write a block_size of at most "
            f"{max(1, tokens - 1)}",
            ExitCode.INVALID,
        )
    left_out = tokens - 1 - rows * block_size
    remarks = (f"{split.dataset} ({split.split}): the last {left_out} tokens fill no row",) if left_out else ()
    return PmdRows(split, block_size, remarks, Lost(tokens=left_out), rows, document_mask)


@dataclass(frozen=True, slots=True)
class PmdRows(SplitRows):
    """Satisfies `runner.data.styles.Rows`; no row is padded."""

    rows: int
    document_mask: bool = False

    def __len__(self) -> int:
        return self.rows

    def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
        """Return rows (b, t + 1), all supervised and filled; with a document mask, its documents as segments."""
        import numpy as np  # here, because the planner counts rows without numpy

        width = self.block_size + 1
        tokens = read_windows(self.source.tokens, indices * self.block_size, width)
        rows = Gathered(tokens, None, np.full(len(tokens), width, np.int64))
        if not self.document_mask:
            return rows
        # Rows laid end to end are runs, (m + b,): each row begins one, and each document that begins in it the next.
        first, behind = self._beginnings(indices)
        counts, places = behind - first, np.arange(len(indices))
        owner = np.repeat(places, counts)  # of each of the m beginnings
        before = np.cumsum(counts) - counts
        numbers = np.arange(len(owner)) + (first - before)[owner]
        columns = self.source.offsets[numbers].astype(np.int64) - indices[owner] * self.block_size
        begins = np.insert(owner * width + columns, before, places * width)
        numbers = np.arange(len(begins)) - np.repeat(before + places, counts + 1)
        # A document that began in an earlier row begins anew, for nothing of it is seen from here.
        positions, segments = lay_out(begins, np.diff(begins, append=tokens.size), numbers)
        return rows._replace(positions=positions.reshape(tokens.shape), segments=segments.reshape(tokens.shape))

    def sizes(self, indices: npt.NDArray[np.int64]) -> RowSizes:
        """Return t inputs for each row, and t targets but the first token of a document that has a mask."""
        import numpy as np

        full = np.full(len(indices), self.block_size, np.int64)
        if not self.document_mask:
            return RowSizes(full, full)
        first, behind = self._beginnings(indices)
        return RowSizes(full, full - (behind - first))

    def _beginnings(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Number the documents that begin behind the first tokens of rows: the first, and the one behind, (b,)."""
        import numpy as np

        starts = (indices * self.block_size).astype(np.uint64)  # of the type of offsets, or numpy would copy those
        ends = starts + np.uint64(self.block_size + 1)
        offsets = self.source.offsets
        return np.searchsorted(offsets, starts, "right"), np.searchsorted(offsets, ends, "left")

    def documents(self, index: int) -> list[Part]:
        """Return the documents that a row holds tokens of; the last one may go on in the next row."""
        import numpy as np

        offsets, start = self.source.offsets, index * self.block_size
        first = int(np.searchsorted(offsets, start, "right")) - 1
        last = int(np.searchsorted(offsets, start + self.block_size + 1, "left"))
        ends = offsets[first : last + 1].astype(np.int64)  # (documents + 1,)
        return [
            Part(first + number, int(begin) - start, int(end - begin))
            for number, (begin, end) in enumerate(itertools.pairwise(ends))
        ]


def _tokens(lengths: Mapping[int, int]) -> int:
    return sum(length * documents for length, documents in lengths.items())
