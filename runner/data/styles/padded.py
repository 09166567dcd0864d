"""PADDED: one example a row, padded on the right; its supervised spans are trained on, and nothing else.

Those are a completion with its end token, the answers of a conversation, or a whole text. A row holds at most t + 1
tokens; `data/on_too_long` truncates, drops or refuses longer examples. Examples are never packed together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.data.styles._split_rows import SplitRows
from runner.data.styles._style import Documents, Gathered, Lost, Part, RowSizes, TokenSplit
from runner.failure import ExitCode, Failure

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SEGMENTED = False  # padding follows the example, so that causal attention never sees it


def count_rows(documents: Documents, block_size: int, on_too_long: str) -> int:
    """Return the number of examples, except those that `on_too_long` "drop" leaves out."""
    lengths = documents.lengths
    return sum(lengths.values()) - (_too_long(lengths, block_size) if on_too_long == "drop" else 0)


def open_rows(split: TokenSplit, block_size: int, on_too_long: str) -> PaddedRows:
    """Bind the style to a split.

    Raises Failure (INVALID) when `on_too_long` is "error" and an example is too long, when it is "drop" and
    every example is, or when truncation leaves nothing to learn from in any row.
    """
    import numpy as np  # here, because the planner counts rows without numpy

    examples, too_long = sum(split.lengths.values()), _too_long(split.lengths, block_size)
    longest, place = max(split.lengths), f"{split.dataset} ({split.split})"
    if not too_long:
        return PaddedRows(split, block_size, (), Lost(), None)
    finding = f"{too_long} of {examples} examples are longer than block_size + 1 = {block_size + 1} tokens"
    if on_too_long == "error" or (on_too_long == "drop" and too_long == examples):
        raise Failure(
            f"dataset '{split.dataset}', split {split.split}: {finding}, the longest has {longest}; write "
            f"architecture/block_size: {longest - 1} or data/on_too_long: truncate",
            ExitCode.INVALID,
        )
    if on_too_long == "drop":
        fitting = np.flatnonzero(np.diff(split.offsets) <= block_size + 1)
        lost = Lost(documents=too_long, tokens=_tokens_beyond(split.lengths, block_size, kept=0))
        return PaddedRows(split, block_size, (f"{place}: {finding} and are dropped",), lost, fitting)
    from runner.data.spans import first_inside

    starts = np.asarray(split.offsets[:-1], np.uint64)
    unsupervised = int(np.count_nonzero(first_inside(split.supervised, starts) - starts > block_size))
    if unsupervised == examples:
        raise Failure(
            f"dataset '{split.dataset}', split {split.split}: {finding}, and truncation cuts all that is supervised "
            f"of every one; write architecture/block_size: {longest - 1}",
            ExitCode.INVALID,
        )
    remarks = [f"{place}: {finding} and are truncated"]
    if unsupervised:
        remarks.append(f"{place}: {unsupervised} of them keep nothing that is supervised and teach nothing")
    lost = Lost(cut=too_long, tokens=_tokens_beyond(split.lengths, block_size, kept=block_size + 1))
    return PaddedRows(split, block_size, tuple(remarks), lost, None)


@dataclass(frozen=True, slots=True)
class PaddedRows(SplitRows):
    """Satisfies `runner.data.styles.Rows`. `fitting` lists the examples that are rows, (rows,); None is all."""

    fitting: npt.NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.source.offsets) - 1 if self.fitting is None else len(self.fitting)

    def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
        """Return rows (b, t + 1), supervised where the split says so."""
        import numpy as np

        from runner.data.spans import inside

        # Arrays are of one index a row, (b,), until columns (t + 1,) broadcast with them to (b, t + 1).

        examples = indices if self.fitting is None else self.fitting[indices]
        starts = self.source.offsets[examples].astype(np.int64)
        filled = np.minimum(self.source.offsets[examples + 1].astype(np.int64) - starts, self.block_size + 1)
        columns = np.arange(self.block_size + 1)
        real = columns < filled[:, None]
        # A short row at the end of the file would reach beyond it; what is read there becomes padding.
        places = np.minimum(starts[:, None] + columns, len(self.source.tokens) - 1)
        tokens = np.where(real, self.source.tokens[places], self.pad).astype(np.int32)
        supervised = real & inside(self.source.supervised, places.astype(np.uint64))
        return Gathered(tokens, supervised, filled)

    def sizes(self, indices: npt.NDArray[np.int64]) -> RowSizes:
        """Return the tokens of each example, at most t, and its supervised targets: never its first token."""
        import numpy as np

        from runner.data.spans import count_inside

        examples = indices if self.fitting is None else self.fitting[indices]
        starts, ends = self.source.offsets[examples], self.source.offsets[examples + 1]
        ends = np.minimum(ends, starts + np.uint64(self.block_size + 1))
        inputs = np.minimum(ends - starts, np.uint64(self.block_size)).astype(np.int64)
        return RowSizes(inputs, count_inside(self.source.supervised, np.minimum(starts + np.uint64(1), ends), ends))

    def documents(self, index: int) -> list[Part]:
        """Return the one example of a row."""
        example = index if self.fitting is None else int(self.fitting[index])
        return [Part(example, 0, int(self.source.offsets[example + 1]) - int(self.source.offsets[example]))]


def _too_long(lengths: Mapping[int, int], block_size: int) -> int:
    return sum(documents for length, documents in lengths.items() if length > block_size + 1)


def _tokens_beyond(lengths: Mapping[int, int], block_size: int, kept: int) -> int:
    """Tokens of the examples that are too long for a row, beyond the first `kept` of each."""
    return sum((length - kept) * documents for length, documents in lengths.items() if length > block_size + 1)
