"""optimization/adamw: the keys of AdamW."""

from __future__ import annotations

from schema.section import Section, key


class AdamW(Section):
    """optimization/adamw: Adam with decoupled weight decay; muon trains with it what is no matrix of a block."""

    beta1: float = key(0.9, "Decay of the first moment.", ge=0, lt=1, change="breaking")
    beta2: float = key(0.95, "Decay of the second moment.", ge=0, lt=1, change="breaking")
    eps: float = key(1e-8, "Added to the denominator.", gt=0, le=1, change="breaking")
