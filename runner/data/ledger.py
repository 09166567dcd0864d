"""The run's ledger: what each stage has taken of each dataset, and a digest of all batches.

Every checkpoint holds it, so that a resumed run ends with the counts of an uninterrupted one. What it will be, the plan
says: `runner/report/planned_ledger.py`. Loads no numpy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.data.loader import Batch
    from runner.data.styles import Gathered

EARLIER = "earlier"  # steps of a version that did not tell stages apart, nor count padding


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is taken from one dataset: rows, input tokens that are no padding, supervised targets, inputs of padding.

    Of a row of two sides, both are counted.
    """

    rows: int = 0
    tokens_seen: int = 0
    tokens_supervised: int = 0
    padding: int = 0

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(
            self.rows + other.rows,
            self.tokens_seen + other.tokens_seen,
            self.tokens_supervised + other.tokens_supervised,
            self.padding + other.padding,
        )

    def __mul__(self, times: int) -> Ledger:
        return Ledger(self.rows * times, self.tokens_seen * times, self.tokens_supervised * times, self.padding * times)


def taken_by(part: Gathered, sides: int = 1) -> Ledger:
    """Return what a run takes with these rows, of so many sides each."""
    import numpy as np

    # (b,): a full row of t + 1 tokens has t inputs; its last token is a target only.
    seen = int(part.filled.clip(max=part.tokens.shape[1] - 1).sum())
    inputs = part.tokens[:, 1:].size
    supervised = inputs if part.all_supervised else int(np.count_nonzero(part.mask()))
    return Ledger(len(part.tokens) // sides, seen, supervised, inputs - seen)


@dataclass(frozen=True, slots=True)
class RunLedger:
    """What each stage of a run has taken from each dataset: `stages` are by `stage_key`, then by label of a dataset.

    `token_digest` is blake2b-16, chained over the digests of the run's batches.
    """

    stages: Mapping[str, Mapping[str, Ledger]] = field(default_factory=dict)
    token_digest: str = ""

    @property
    def counts(self) -> dict[str, Ledger]:
        """What the run has taken from each dataset."""
        found: dict[str, Ledger] = {}
        for taken in self.stages.values():
            _add(found, taken)
        return found

    def add(self, phase: str, stage: int, batch: Batch) -> RunLedger:
        """Return the ledger with one more batch, of a stage of a phase, counted from 1."""
        own = {**self.stages.get(key := stage_key(phase, stage), {})}
        _add(own, batch.ledger)
        chained = f"{self.token_digest}{batch.digest}".encode()
        return RunLedger({**self.stages, key: own}, hashlib.blake2b(chained, digest_size=16).hexdigest())

    @staticmethod
    def from_json(facts: Mapping[str, Any]) -> RunLedger:
        """Read what `dataclasses.asdict` made of a ledger, in older versions too.

        Raises KeyError, TypeError, AttributeError.
        """
        stages = facts["stages"] if "stages" in facts else {EARLIER: facts["counts"]}
        found = {
            key: {dataset: Ledger(**taken) for dataset, taken in datasets.items()} for key, datasets in stages.items()
        }
        return RunLedger({key: datasets for key, datasets in found.items() if datasets}, facts["token_digest"])


def stage_key(phase: str, stage: int) -> str:
    """Name a stage of a phase, counted from 1."""
    return f"{phase}/{stage}"


def _add(counts: dict[str, Ledger], taken: Mapping[str, Ledger]) -> None:
    for dataset, more in taken.items():
        counts[dataset] = counts.get(dataset, Ledger()) + more
