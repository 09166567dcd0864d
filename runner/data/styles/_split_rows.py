"""What the rows of every style hold: the split that they are cut from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.data.styles._style import Lost, TokenSplit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class SplitRows:
    """Rows of `block_size` + 1 tokens of one split; `remarks` say what was cut or left out, `lost` counts it."""

    source: TokenSplit
    block_size: int
    remarks: tuple[str, ...]
    lost: Lost

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        return self.source.dataset

    @property
    def sides(self) -> int:
        """A row is one sequence."""
        return 1

    @property
    def pad(self) -> int:
        """Token id that fills a row."""
        return self.source.pad


def read_windows(
    tokens: npt.NDArray[np.unsignedinteger], starts: npt.NDArray[np.int64], width: int
) -> npt.NDArray[np.int32]:
    """Copy `width` tokens from each start on, (m, width). Beyond the end of `tokens` stands any of them."""
    import numpy as np  # here, because the planner counts rows without numpy

    last = len(tokens) - width  # where the last whole window begins
    if last < 0:
        return tokens[np.minimum(starts[:, None] + np.arange(width), len(tokens) - 1)].astype(np.int32)
    # Every window as a view; indexing copies those asked for alone, each in one piece.
    found = np.lib.stride_tricks.sliding_window_view(tokens, width)[np.minimum(starts, last)].astype(np.int32)
    beyond = np.flatnonzero(starts > last)
    if len(beyond):
        found[beyond] = tokens[np.minimum(starts[beyond, None] + np.arange(width), len(tokens) - 1)]
    return found


def lay_out(
    begins: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return positions and segments of rows laid end to end, (tokens,), of the runs that they are, (m,) each.

    A run begins where the one before it ends, counts its positions from 0, and is the segment `numbers` of its row.
    """
    import numpy as np

    positions = np.arange(int(lengths.sum()), dtype=np.int32)
    positions -= np.repeat(begins.astype(np.int32), lengths)
    return positions, np.repeat(numbers.astype(np.int32), lengths)
