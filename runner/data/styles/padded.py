"""PADDED: one example a row, padded on the right; its supervised spans are trained on, and nothing else.

Those are a completion with its end token, the answers of a conversation, or a whole text. A row holds at most t + 1
tokens; `data/on_too_long` truncates, drops or refuses longer examples. PACKED puts several of them into a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.data.styles._split_rows import SplitRows, read_windows
from runner.data.styles._style import Documents, Gathered, Part, RowSizes, TokenSplit
from runner.data.styles._too_long import number_too_long, treat_too_long

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def count_rows(documents: Documents, block_size: int, on_too_long: str) -> int:
    """Return the number of examples, except those that `on_too_long` "drop" leaves out."""
    lengths = documents.lengths
    return sum(lengths.values()) - (number_too_long(lengths, block_size) if on_too_long == "drop" else 0)


def open_rows(split: TokenSplit, block_size: int, on_too_long: str, document_mask: bool = False) -> PaddedRows:
    """Bind the style to a split. Raises Failure (INVALID) as `treat_too_long` does."""
    import numpy as np  # here, because the planner counts rows without numpy

    del document_mask  # a row has one document
    remarks, lost, drops = treat_too_long(split, block_size, on_too_long)
    fitting = np.flatnonzero(np.diff(split.offsets) <= block_size + 1) if drops else None
    return PaddedRows(split, block_size, remarks, lost, fitting)


@dataclass(frozen=True, slots=True)
class PaddedRows(SplitRows):
    """Satisfies `runner.data.styles.Rows`. `fitting` lists the examples that are rows, (rows,); None is all."""

    fitting: npt.NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.source.offsets) - 1 if self.fitting is None else len(self.fitting)

    def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
        """Return rows (b, t + 1), supervised where the split says so."""
        import numpy as np

        from runner.data.spans import mark_inside

        starts, ends = self._ranges(indices)
        filled, width = (ends - starts).astype(np.int64), self.block_size + 1
        tokens = read_windows(self.source.tokens, starts.astype(np.int64), width)
        # Behind an example, the window holds others: they become padding. Small integers are compared fastest.
        small = np.min_scalar_type(width)
        np.copyto(tokens, self.pad, where=np.arange(width, dtype=small) >= filled.astype(small)[:, None])
        places = np.arange(len(tokens)) * width
        supervised = mark_inside(self.source.supervised, starts, ends, places, tokens.size).reshape(tokens.shape)
        return Gathered(tokens, supervised, filled)

    def sizes(self, indices: npt.NDArray[np.int64]) -> RowSizes:
        """Return the tokens of each example, at most t, and its supervised targets: never its first token."""
        import numpy as np

        from runner.data.spans import count_inside

        starts, ends = self._ranges(indices)
        inputs = np.minimum(ends - starts, np.uint64(self.block_size)).astype(np.int64)
        return RowSizes(inputs, count_inside(self.source.supervised, np.minimum(starts + np.uint64(1), ends), ends))

    def documents(self, index: int) -> list[Part]:
        """Return the one example of a row."""
        example = index if self.fitting is None else int(self.fitting[index])
        return [Part(example, 0, int(self.source.offsets[example + 1]) - int(self.source.offsets[example]))]

    def _ranges(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Where the examples of rows begin in the split, (m,), and where their tokens in the row end."""
        import numpy as np

        examples = indices if self.fitting is None else self.fitting[indices]
        starts = np.asarray(self.source.offsets[examples])
        return starts, np.minimum(self.source.offsets[examples + 1], starts + np.uint64(self.block_size + 1))
