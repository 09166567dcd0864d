"""PMD: a split is one flat file of tokens, cut into blocks; every position is supervised.

Row i is tokens[i · t : i · t + t + 1], so that each token but the first is predicted exactly once. The last
tokens, too few for a row, are left out. Only end of text marks the boundary of two documents.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.data.styles._split_rows import SplitRows
from runner.data.styles._style import Documents, Gathered, Lost, Part, RowSizes, TokenSplit
from runner.failure import ExitCode, Failure

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SEGMENTED = False  # a token attends to earlier documents of its row too


def count_rows(documents: Documents, block_size: int, on_too_long: str) -> int:
    """Return the number of whole rows; documents may have any length, so `on_too_long` has no effect."""
    del on_too_long
    return max(0, _tokens(documents.lengths) - 1) // block_size


def open_rows(split: TokenSplit, block_size: int, on_too_long: str) -> PmdRows:
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
    return PmdRows(split, block_size, remarks, Lost(tokens=left_out), rows)


@dataclass(frozen=True, slots=True)
class PmdRows(SplitRows):
    """Satisfies `runner.data.styles.Rows`; no row is padded."""

    rows: int

    def __len__(self) -> int:
        return self.rows

    def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
        """Return rows (b, t + 1), all supervised and filled."""
        import numpy as np  # here, because the planner counts rows without numpy

        # Every window of t + 1 tokens as a view, of which each t-th is a row; indexing copies the rows asked for alone.
        windows = np.lib.stride_tricks.sliding_window_view(self.source.tokens, self.block_size + 1)
        tokens = windows[:: self.block_size][indices].astype(np.int32)
        return Gathered(tokens, np.ones(tokens.shape, np.bool_), np.full(len(tokens), self.block_size + 1, np.int64))

    def sizes(self, indices: npt.NDArray[np.int64]) -> RowSizes:
        """Return t inputs and t targets for each row."""
        import numpy as np

        full = np.full(len(indices), self.block_size, np.int64)
        return RowSizes(full, full)

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
