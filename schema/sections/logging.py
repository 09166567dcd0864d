"""logging: how often the run reports, validates and saves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schema.section import Section, key

Interval = Annotated[int, Field(ge=1)] | Literal["never"]


class Logging(Section):
    """logging: intervals count the steps of the whole run; each phase's last step always counts too."""

    report_interval: int = key(32, "Steps between two reports.", unit="steps", ge=1, change="free")
    checkpoint_interval: Interval = key(
        1024, "Steps between two checkpoints; never keeps phase ends only.", unit="steps", change="free"
    )
    validation_interval: Interval = key(
        512, "Steps between two validations; never keeps phase ends only.", unit="steps", change="free"
    )
    wandb: bool = key(False, "Log to Weights & Biases too; needs the wandb extra.", change="free")
