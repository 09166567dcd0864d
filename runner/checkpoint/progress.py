"""How far a run has come: the one value that a checkpoint stores, a restore returns and each step replaces.

Loads neither jax nor numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from runner.data.ledger import RunLedger

if TYPE_CHECKING:
    from runner.data.loader import Batch


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: the last step that it took, 0 before the first, with its phase and its stage there (from 1).

    `stores` holds the digest of each token store by folder name; `skipped_steps` is how many steps were not finite and
    changed nothing; `base_digest` is that of the frozen base, None in phase full.
    """

    phase: str
    stage: int = 1
    step: int = 0
    ledger: RunLedger = field(default_factory=RunLedger)
    stores: Mapping[str, str] = field(default_factory=dict)
    skipped_steps: int = 0
    base_digest: str | None = None

    def after(self, stage: int, batch: Batch) -> Progress:
        """Return the progress after one more step of the phase, on this batch."""
        return replace(self, stage=stage, step=batch.step, ledger=self.ledger.add(self.phase, stage, batch))

    def in_phase_lora(self, base_digest: str) -> Progress:
        """Return the progress once phase lora is entered; no step of it is taken yet."""
        return replace(self, phase="lora", stage=1, base_digest=base_digest)

    def with_skipped_step(self) -> Progress:
        """Return the progress once one more step was found not finite."""
        return replace(self, skipped_steps=self.skipped_steps + 1)

    @staticmethod
    def from_json(facts: Mapping[str, Any]) -> Progress:
        """Read what `dataclasses.asdict` made of a progress. Raises KeyError, TypeError, AttributeError."""
        return Progress(**{**facts, "ledger": RunLedger.from_json(facts["ledger"])})
