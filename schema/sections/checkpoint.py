"""checkpoint: what is kept of a run."""

from __future__ import annotations

from schema.sections._section import Section, key


class Checkpoint(Section):
    """checkpoint: the last step of each phase is kept whatever `keep` says."""

    keep: int = key(3, "Number of newest checkpoints that are kept.", unit="checkpoints", ge=1)
