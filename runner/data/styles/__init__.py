"""Styles: how rows of block_size + 1 tokens are cut from a token store; one file each, named as the YAML names it.

Importing a style does not import numpy, so that the planner counts rows without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from runner.data.styles._style import Documents, Gathered, Lost, PairLengths, Part, Rows, RowSizes, Style, TokenSplit
from schema.sampling import DatasetStyle

__all__ = [
    "Documents",
    "Gathered",
    "Lost",
    "PairLengths",
    "Part",
    "RowSizes",
    "Rows",
    "Style",
    "TokenSplit",
    "load_style",
]


def load_style(style: str) -> Style:
    """Load the module of a style. Raises ValueError when there is no such style."""
    return cast(Style, import_module(f"{__name__}.{DatasetStyle(style).value.lower()}"))
