"""How many sequences a row of each style is. Pydantic is not loaded, so that the linter asks here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from schema.check.findings import Unavailable

CONTRASTIVE = "CONTRASTIVE"  # the style whose rows are pairs


def sides_of(style: str) -> int:
    """Return the sequences of block_size tokens that one row is: two of CONTRASTIVE, a chosen and a rejected answer."""
    return 2 if style == CONTRASTIVE else 1


def mixture_sides(mixture: Iterable[Any]) -> int:
    """Return the sequences that a row of a mixture is, by its entries: values, or mappings as run.json has them.

    One where a mixture can't be read, or mixes both, which other findings say.
    """
    try:
        styles = {str(each["style"] if isinstance(each, Mapping) else each.style) for each in mixture}
    except Unavailable:
        return 1
    return min(map(sides_of, styles), default=1)
