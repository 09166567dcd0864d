"""What a batch is: its arrays by name, declared here for the loader, the compiled programs and the step.

It holds no arrays, and loads neither numpy nor jax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schema.budget.budget import budget_of
from schema.budget.dataset_names import key_of
from schema.budget.sides import sides_of
from schema.budget.stages import AskedStage, Phase
from schema.environment import Environment
from schema.spec import Spec

ALWAYS = {"tokens": "int32", "targets": "int32", "mask": "float32"}
SEGMENTED = {"positions": "int32", "segments": "int32"}


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """The arrays of a batch, each of `shape` = (rows · sides, block_size) = (b, t).

    `tokens` int32 are the inputs, `targets` int32 the token after each, `mask` float32 is 1 where the target is
    supervised. `positions` int32 count a segment's tokens from 0, `segments` int32 number the segments of a row: a
    token attends to its own segment only.
    Where a row has two `sides`, `rows` counts pairs: the chosen sequence of pair i is row 2i of each array, the
    rejected one row 2i + 1.
    Without `segmented`, a row is one segment at the positions 0 … t - 1. Then positions and segments are left out
    of the batch, and the compiled programs hold neither of them.
    """

    rows: int
    block_size: int
    segmented: bool = False
    sides: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """(b, t), of every array."""
        return self.rows * self.sides, self.block_size

    @property
    def dtypes(self) -> dict[str, str]:
        """Name of each array → its dtype."""
        return ALWAYS | SEGMENTED if self.segmented else ALWAYS


def train_batch(spec: Spec, phase: Phase) -> BatchSpec:
    """The batches of a phase: segmented where an entry of its mixtures is: PACKED, or PMD with document_mask."""
    stages = budget_of(spec, Environment()).asked
    return _batch(spec, spec.training.batch_size, [stage for stage in stages if stage.phase == phase])


def validation_batch(spec: Spec, rows: int) -> BatchSpec:
    """The batches of validation, which scores every dataset of the run in each phase."""
    return _batch(spec, rows, budget_of(spec, Environment()).asked)


def _batch(spec: Spec, rows: int, stages: Sequence[AskedStage]) -> BatchSpec:
    entries = [entry for stage in stages for entry in stage.mixture]
    segmented = any(key_of(entry).is_segmented for entry in entries)
    sides = max((sides_of(entry.style) for entry in entries), default=1)
    return BatchSpec(rows, spec.architecture.block_size, segmented, sides)
