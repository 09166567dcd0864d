"""Detect a reported loss far above those before it: a bad batch, or the beginning of divergence."""

from __future__ import annotations

from collections import deque
from math import isfinite
from statistics import median

WINDOW = 16  # reports that a loss is compared with; with fewer than half of them there is no finding
# A spike is above the median by this many median deviations, some 5 standard deviations of a normal distribution, and
# by this many nats at least, so that a flat curve's noise is none.
DEVIATIONS, LEAST = 7.5, 0.2


class Spikes:
    """Holds the last reported losses of this process; a resumed run starts with none."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=WINDOW)

    def look(self, loss: float) -> float | None:
        """Add a reported loss; return the median of those before it when it is far above, else None."""
        before = [*self._losses]
        if isfinite(loss):
            self._losses.append(loss)
        if len(before) < WINDOW // 2:
            return None
        # Medians, not mean and standard deviation: an earlier spike in the window hardly moves them.
        middle = median(before)
        usual = median(abs(each - middle) for each in before)
        return middle if loss > middle + max(DEVIATIONS * usual, LEAST) else None
