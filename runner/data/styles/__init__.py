"""Styles: how rows of block_size + 1 tokens are cut from a token store; one file each, named as the YAML names it.

Importing a style costs no numpy, so that the planner can count rows.
"""

from __future__ import annotations

from runner.data.styles import padded, pmd
from runner.data.styles._style import Gathered, Rows, Style, TokenSplit
from schema.sampling import DatasetStyle

__all__ = ["Gathered", "Rows", "Style", "TokenSplit", "load_style"]


def load_style(style: str) -> Style:
    """Return the module of a style. Raises ValueError when there is no such style."""
    table: dict[DatasetStyle, Style] = {DatasetStyle.PADDED: padded, DatasetStyle.PMD: pmd}
    return table[DatasetStyle(style)]
