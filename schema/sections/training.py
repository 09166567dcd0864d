"""training: batch, budgets and mixtures of the two phases."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schema.check.phases import leave_out_phases
from schema.sampling import DatasetStyle, Sampling
from schema.section import NOT_ZERO, Section, key

Tokens = Annotated[int, Field(ge=1)]


def _fineweb() -> list[Sampling]:
    return [Sampling(name="fineweb", rate=1.0, style=DatasetStyle.PMD)]


class Training(Section):
    """training: one step consumes batch_size × block_size tokens."""

    seed: int = key(
        0, "Seed of initial weights, adapters, data order and dropout.", ge=0, le=2**32 - 1, change="breaking"
    )
    batch_size: int = key(512, "Global batch.", unit="rows", ge=1, change="breaking")
    per_device_batch_size: Annotated[int, NOT_ZERO] = key(
        -1,
        "Micro-batch on one device; -1 is the largest that divides and fits its memory, or, on a CPU, 1,024 tokens.",
        unit="rows",
        never=0,
        ge=-1,
        change="free without dropout",
    )
    on_nonfinite: Literal["stop", "skip"] = key(
        "stop",
        "What happens at a step whose loss, gradient or update is not finite; skip leaves it out.",
        change="free",
    )
    max_skipped_steps: int = key(
        10, "Steps of a run that skip may leave out before it stops.", unit="steps", ge=0, change="free"
    )
    budget: Literal["tokens", "supervised_tokens"] = key(
        "tokens",
        "What the budgets count: all tokens of a step, or the supervised ones, which its rows hold.",
        change="breaking",
    )
    tokens: int = key(
        1_000_000_000,
        "Total budget of phase full, when no per-phase budgets are given.",
        unit="tokens",
        ge=1,
        change="forward-only",
    )
    warmup_pct: float = key(
        0.01, "Share of a phase's steps that raise the learning rate.", unit="share", ge=0, le=1, change="breaking"
    )
    decay_pct: float = key(
        0.1,
        "Share of a phase's steps, its last, in which the schedule wsd lowers the learning rate; others don't read it.",
        unit="share",
        ge=0,
        le=1,
        change="breaking",
    )
    validation: bool = key(True, "Run validation at its interval and at each phase's end.", change="free")
    evaluate: bool = key(True, "Run eval/evaluations at each phase's end.", change="free")
    validation_steps: int = key(2048, "Rows of each dataset used for one validation.", unit="rows", ge=1, change="free")
    dataset: list[Sampling] = key(_fineweb, "Mixture, when no per-phase mixtures are given.", change="forward-only")
    pre_lora_tokens: list[Tokens] = key(
        lambda: [1_000_000_000],
        "Phase full: tokens of each stage; [] leaves the phase out.",
        unit="tokens",
        change="forward-only",
    )
    pre_lora_dataset: list[list[Sampling]] = key(
        lambda: [_fineweb()], "Phase full: mixture of each stage.", change="forward-only"
    )
    post_lora_tokens: list[Tokens] = key(
        lambda: [100_000_000],
        "Phase lora: tokens of each stage; [] leaves the phase out.",
        unit="tokens",
        change="forward-only",
    )
    post_lora_dataset: list[list[Sampling]] = key(
        lambda: [_fineweb()], "Phase lora: mixture of each stage.", change="forward-only"
    )

    @model_validator(mode="before")
    @classmethod
    def _leave_out_phases(cls, written: Any) -> Any:
        return leave_out_phases(written) if isinstance(written, dict) else written
