"""The run's ledger: how many rows and tokens of each dataset it has seen, and a digest of all of them.

It goes into every checkpoint, so that a resumed run ends with the counts of an uninterrupted one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from runner.data.loader import Batch


@dataclass(slots=True)
class RunLedger:
    """By dataset [rows, tokens that are not padding, tokens with a loss]; and `token_digest`, a hash
    chained over the digests of all batches in order."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    token_digest: str = ""

    def add(self, batch: Batch) -> None:
        """Enter one batch."""
        for name, taken in batch.ledger.items():
            before = self.counts.get(name, [0, 0, 0])
            after = (taken.rows, taken.tokens_seen, taken.tokens_supervised)
            self.counts[name] = [old + new for old, new in zip(before, after, strict=True)]
        chained = f"{self.token_digest}{batch.digest}".encode()
        self.token_digest = hashlib.blake2b(chained, digest_size=16).hexdigest()
