"""The run's ledger: how many rows and tokens of each dataset it has seen, and a digest of all of them.

Every checkpoint holds it, so that a resumed run ends with the counts of an uninterrupted one. Loads no numpy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.data.loader import Batch
    from runner.data.styles import Gathered


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is taken from one dataset: rows, input tokens that are no padding, supervised targets; of both sides of a
    pair.
    """

    rows: int = 0
    tokens_seen: int = 0
    tokens_supervised: int = 0

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(
            self.rows + other.rows,
            self.tokens_seen + other.tokens_seen,
            self.tokens_supervised + other.tokens_supervised,
        )


def taken_by(part: Gathered, sides: int = 1) -> Ledger:
    """Return what a run takes with these rows, of so many sides each."""
    import numpy as np

    # (b,): a full row of t + 1 tokens has t inputs; its last token is a target only.
    inputs = part.filled.clip(max=part.tokens.shape[1] - 1)
    supervised = part.tokens[:, 1:].size if part.all_supervised else int(np.count_nonzero(part.mask()))
    return Ledger(len(part.tokens) // sides, int(inputs.sum()), supervised)


@dataclass(frozen=True, slots=True)
class RunLedger:
    """What a run has taken from each dataset; `token_digest` is blake2b-16, chained over the digests of its batches."""

    counts: Mapping[str, Ledger] = field(default_factory=dict)
    token_digest: str = ""

    def add(self, batch: Batch) -> RunLedger:
        """Return the ledger with one more batch."""
        counts = {**self.counts}
        for dataset, taken in batch.ledger.items():
            counts[dataset] = counts.get(dataset, Ledger()) + taken
        chained = f"{self.token_digest}{batch.digest}".encode()
        return RunLedger(counts, hashlib.blake2b(chained, digest_size=16).hexdigest())

    @staticmethod
    def from_json(facts: Mapping[str, Any]) -> RunLedger:
        """Read what `dataclasses.asdict` made of a ledger. Raises KeyError, TypeError, AttributeError."""
        counts = {dataset: Ledger(**taken) for dataset, taken in facts["counts"].items()}
        return RunLedger(counts, facts["token_digest"])
