"""The validation losses of checkpoints, beside them on the disk: retention keeps the best."""

from __future__ import annotations

import json
from pathlib import Path

from runner.files.atomic import write_atomically
from runner.run.layout import is_step

SCORES = "scores.json"  # beside the checkpoints


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
