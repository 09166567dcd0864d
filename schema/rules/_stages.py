"""What rules about the phases of a run share: from how many steps on they judge one, and how they write a share."""

from __future__ import annotations

from decimal import Context, Decimal

from schema.text.scalars import spelled

# A phase of fewer steps is reported as a whole, by LR104.
LEAST_STEPS = 10


def share(part: int, whole: int, rounding: str) -> str:
    """Write a share of steps as a decimal number of at most three digits."""
    return spelled(float(Context(prec=3, rounding=rounding).divide(Decimal(part), Decimal(whole))))
