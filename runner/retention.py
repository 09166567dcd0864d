"""Which checkpoints of a run are kept: the newest, the best, and the ends of phases."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runner.job import is_step, write_atomically

SCORES = "scores.json"  # beside the checkpoints


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


def read_scores(folder: Path) -> dict[int, tuple[str, float]]:
    """Read the scores of a folder of checkpoints; none where they are missing or damaged, for they only choose."""
    try:
        noted = json.loads((folder / SCORES).read_text(encoding="utf-8"))
        return {int(step): (str(phase), float(loss)) for step, (phase, loss) in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write_scores(folder: Path, scores: dict[int, tuple[str, float]]) -> None:
    """Write the scores of the checkpoints that are there. Raises OSError."""
    there = {int(entry.name) for entry in folder.iterdir() if is_step(entry.name)}
    last = max(scores, default=0)  # whose checkpoint may still be on its way
    write_atomically(
        folder / SCORES, json.dumps({step: scores[step] for step in sorted(scores) if step in there or step == last})
    )
