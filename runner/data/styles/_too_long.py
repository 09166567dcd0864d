"""What becomes of examples that are longer than a row, in the styles whose rows hold whole examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from runner.data.styles._style import Lost, TokenSplit
from runner.failure import ExitCode, Failure


class TooLong(NamedTuple):
    """What `data/on_too_long` does to a split: sentences that say it, and what no row holds for it.

    With `drops`, examples are left out.
    """

    remarks: tuple[str, ...]
    lost: Lost
    drops: bool


def treat_too_long(split: TokenSplit, block_size: int, on_too_long: str) -> TooLong:
    """Apply `data/on_too_long` to a split.

    Raises Failure (INVALID) when it is "error" and an example is too long, when it is "drop" and every example is, or
    when truncation leaves nothing to learn from in any row.
    """
    examples, too_long = sum(split.lengths.values()), number_too_long(split.lengths, block_size)
    longest, place = max(split.lengths), f"{split.dataset} ({split.split})"
    if not too_long:
        return TooLong((), Lost(), False)
    finding = f"{too_long} of {examples} examples are longer than block_size + 1 = {block_size + 1} tokens"
    if on_too_long == "error" or (on_too_long == "drop" and too_long == examples):
        raise Failure(
            f"dataset '{split.dataset}', split {split.split}: {finding}, the longest has {longest}; write "
            f"architecture/block_size: {longest - 1} or data/on_too_long: truncate",
            ExitCode.INVALID,
        )
    if on_too_long == "drop":
        lost = Lost(documents=too_long, tokens=_tokens_beyond(split.lengths, block_size, kept=0))
        return TooLong((f"{place}: {finding} and are dropped",), lost, True)
    import numpy as np  # here, because the planner counts rows without numpy

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
    return TooLong(tuple(remarks), lost, False)


def number_too_long(lengths: Mapping[int, int], block_size: int) -> int:
    """How many examples don't fit into a row of t + 1 tokens."""
    return sum(documents for length, documents in lengths.items() if length > block_size + 1)


def _tokens_beyond(lengths: Mapping[int, int], block_size: int, kept: int) -> int:
    """Tokens of the examples that are too long for a row, beyond the first `kept` of each."""
    return sum((length - kept) * documents for length, documents in lengths.items() if length > block_size + 1)
