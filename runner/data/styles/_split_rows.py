"""What the rows of every style hold: the split that they are cut from."""

from __future__ import annotations

from dataclasses import dataclass

from runner.data.styles._style import Lost, TokenSplit


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
    def pad(self) -> int:
        """Token id that fills a row."""
        return self.source.pad
