"""optimization/muon: the keys of Muon."""

from __future__ import annotations

from schema.section import Section, key


class Muon(Section):
    """optimization/muon: orthogonalised momentum for the matrices of the blocks; AdamW trains the rest."""

    beta: float = key(0.95, "Decay of the momentum.", ge=0, lt=1, change="breaking")
    nesterov: bool = key(True, "Look one step of momentum ahead.", change="breaking")
    ns_steps: int = key(5, "Newton-Schulz iterations that orthogonalise an update.", ge=1, change="breaking")
    eps: float = key(1e-8, "Added to the norm that a matrix is divided by first.", gt=0, le=1, change="breaking")
    consistent_rms: float | None = key(
        0.2,
        "Root mean square of every update, so that one lr suits muon and AdamW; null scales by √max(1, out / in).",
        gt=0,
        change="breaking",
    )
