"""Which checkpoints of a run are kept: the newest, the best, and the ends of phases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """The `newest` checkpoints, the `best` of each phase by validation loss, and those of the steps in `boundaries`."""

    newest: int
    best: int
    boundaries: tuple[int, ...]

    def kept(self, steps: Iterable[int], scores: dict[int, tuple[str, float]]) -> set[int]:
        """Return the steps that stay; `scores` are phase and validation loss of those that were validated."""
        there = sorted(steps, reverse=True)
        kept = {*there[: self.newest], *self.boundaries}
        for phase in {phase for phase, _ in scores.values()}:
            scored = sorted((loss, -step) for step, (own, loss) in scores.items() if own == phase and step in there)
            kept |= {-step for _, step in scored[: self.best]}
        return kept & {*there}
