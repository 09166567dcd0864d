"""PACKED: whole examples side by side in a row, each a segment with positions of its own; trained on as PADDED ones.

A token attends to its own example only, and no example is asked for the first token of the next. Which examples share a
row is decided once, by `runner/data/packing`, and noted in the store. An example longer than a row is treated as
`data/on_too_long` says; cut, it fills a row of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import TYPE_CHECKING, NamedTuple

from runner.data.packing import pack
from runner.data.styles._split_rows import SplitRows, lay_out
from runner.data.styles._style import Documents, Gathered, Part, RowSizes, TokenSplit
from runner.data.styles._too_long import number_too_long, treat_too_long

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def count_rows(documents: Documents, block_size: int, on_too_long: str) -> int:
    """Return the number of rows: as it was noted, else by packing the examples once."""
    drop = drops(documents.lengths, block_size, on_too_long)
    noted = documents.packing(block_size + 1, drop)
    return noted.rows if noted else sum(map(len, pack(documents.in_order(), block_size + 1, drop=drop)))


def drops(lengths: Mapping[int, int], block_size: int, on_too_long: str) -> bool:
    """Whether examples are left out: the packing is another one then."""
    return on_too_long == "drop" and number_too_long(lengths, block_size) > 0


def open_rows(split: TokenSplit, block_size: int, on_too_long: str, document_mask: bool = False) -> PackedRows:
    """Bind the style to a split. Raises Failure (INVALID) as `treat_too_long` does."""
    del document_mask  # that rows always have
    remarks, lost, drop = treat_too_long(split, block_size, on_too_long)
    noted = split.packing(block_size + 1, drop)
    starts, examples = (noted.arrays() if noted else None) or _packed(split, block_size + 1, drop)
    return PackedRows(split, block_size, remarks, lost, starts, examples)


def _packed(split: TokenSplit, width: int, drop: bool) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Pack a split that has no note of it: where each row begins, (rows + 1,), and the examples, (examples,)."""
    import numpy as np  # here, because the planner counts rows without numpy

    rows = list(chain.from_iterable(pack(split.in_order(), width, drop=drop)))
    starts = np.fromiter(accumulate(map(len, rows), initial=0), np.uint64, len(rows) + 1)
    return starts, np.fromiter(chain.from_iterable(rows), np.uint64, int(starts[-1]))


class Pieces(NamedTuple):
    """The examples of b rows, (m,) each: which `row` of the b each is in, as what `number` of its row.

    It begins at `column` of the row, and at `start` of the split's tokens; `length` of these are in the row.
    """

    row: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PackedRows(SplitRows):
    """Satisfies `runner.data.styles.Rows`.

    `starts` (rows + 1,) say where each row begins in `examples` (examples,), and the end.
    """

    starts: npt.NDArray[np.uint64]
    examples: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
        """Return rows (b, t + 1), supervised where the split says so; what fills a row up is its last segment."""
        import numpy as np

        from runner.data.spans import mark_inside

        pieces, width = self._pieces(indices), self.block_size + 1
        shape = (len(indices), width)
        filled = np.bincount(pieces.row, pieces.length, len(indices)).astype(np.int64)
        # Rows laid end to end are runs, examples and what fills each row up, of these lengths: (m + b,).
        behind = np.searchsorted(pieces.row, np.arange(len(indices)), side="right")
        lengths = np.insert(pieces.length, behind, width - filled)
        begins = np.cumsum(lengths) - lengths  # in the rows
        starts = np.insert(pieces.start, behind, 0)  # in the split
        is_padding = np.insert(np.zeros(len(pieces.row), np.bool_), behind, True)
        numbers = np.insert(pieces.number, behind, np.bincount(pieces.row, minlength=len(indices)))
        positions, segments = lay_out(begins, lengths, numbers)
        origin = np.repeat(starts, lengths)  # (b · (t + 1),); all that follows spares room, whose first touch is slow
        origin += positions
        if len(self.source.tokens) < width:  # padding is read from the split's first tokens on
            np.minimum(origin, len(self.source.tokens) - 1, out=origin)
        tokens = self.source.tokens[origin].astype(np.int32)
        np.copyto(tokens, self.pad, where=np.repeat(is_padding, lengths))
        own = pieces.start.astype(np.uint64)
        supervised = mark_inside(
            self.source.supervised, own, own + pieces.length.astype(np.uint64), begins[~is_padding], tokens.size
        )
        return Gathered(
            tokens=tokens.reshape(shape),
            supervised=supervised.reshape(shape),
            filled=filled,
            positions=positions.reshape(shape),
            segments=segments.reshape(shape),
        )

    def sizes(self, indices: npt.NDArray[np.int64]) -> RowSizes:
        """Return the tokens of the examples of each row, at most t, and their supervised targets: no first token."""
        import numpy as np

        from runner.data.spans import count_inside

        pieces = self._pieces(indices)
        tokens = np.bincount(pieces.row, pieces.length, len(indices)).astype(np.int64)
        firsts, ends = pieces.start + 1, pieces.start + pieces.length
        own = count_inside(self.source.supervised, firsts.astype(np.uint64), ends.astype(np.uint64))  # (m,)
        supervised = np.bincount(pieces.row, own, len(indices)).astype(np.int64)
        return RowSizes(np.minimum(tokens, self.block_size), supervised)

    def documents(self, index: int) -> list[Part]:
        """Return the examples of a row."""
        import numpy as np

        columns = self._pieces(np.array([index])).column.tolist()
        examples = self.examples[int(self.starts[index]) : int(self.starts[index + 1])].astype(np.int64)
        lengths = (self.source.offsets[examples + 1] - self.source.offsets[examples]).tolist()
        return [Part(*found) for found in zip(examples.tolist(), columns, lengths, strict=True)]

    def _pieces(self, indices: npt.NDArray[np.int64]) -> Pieces:
        """Look up the examples of rows, (b,)."""
        import numpy as np

        firsts = self.starts[indices].astype(np.int64)
        counts = self.starts[indices + 1].astype(np.int64) - firsts
        row, number = np.repeat(np.arange(len(indices)), counts), _within(counts)
        examples = self.examples[firsts[row] + number].astype(np.int64)
        starts = self.source.offsets[examples].astype(np.int64)
        lengths = np.minimum(self.source.offsets[examples + 1].astype(np.int64) - starts, self.block_size + 1)
        before = np.cumsum(lengths) - lengths  # tokens of all examples before, also of the rows before
        firsts_of_rows = np.cumsum(counts) - counts
        return Pieces(row, number, before - before[firsts_of_rows][row], starts, lengths)


def _within(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count 0, 1, … within each of several runs that follow one another."""
    import numpy as np

    return np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
