"""The weights that a new run starts from: one kind of source a file, behind one Protocol."""

from __future__ import annotations

from pathlib import Path

from runner.weights._source import WeightSource
from runner.weights.huggingface import HuggingFaceWeights
from runner.weights.run import RunWeights

__all__ = ["WeightSource", "find_weights"]


def find_weights(named: Path) -> WeightSource | None:
    """Return the source that a path names, None where there is none; nothing of it is verified yet."""
    return RunWeights.find(named) or HuggingFaceWeights.find(named)
