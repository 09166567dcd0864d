"""How many sequences a row of each style is. Pydantic is not loaded, so that the linter asks here."""

from __future__ import annotations

CONTRASTIVE = "CONTRASTIVE"  # the style whose rows are pairs


def sides_of(style: str) -> int:
    """Return the sequences of block_size tokens that one row is: two of CONTRASTIVE, a chosen and a rejected answer."""
    return 2 if style == CONTRASTIVE else 1
