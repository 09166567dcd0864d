"""checkpoint: what is kept of a run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schema.section import Section, key

Minutes = Annotated[float, Field(gt=0)] | Literal["never"]


class Checkpoint(Section):
    """checkpoint: the last step of each phase is kept whatever `keep` says."""

    every_minutes: Minutes = key(
        "never",
        "Save also when this time has passed since the last checkpoint; the plan does not list these.",
        unit="minutes",
        change="free",
    )
    best: int = key(
        0,
        "Number of checkpoints of each phase, those with the lowest mean validation loss, kept beside the newest.",
        unit="checkpoints",
        ge=0,
        change="free",
    )
    keep: int = key(3, "Number of newest checkpoints that are kept.", unit="checkpoints", ge=1, change="free")
    verify: Literal["seal", "read_back"] = key(
        "seal",
        "How a save is verified: by the digests of its files (seal), or by its arrays too, read back and compared with "
        "what was trained (read_back), as at the end of each phase it always is.",
        change="free",
    )
