"""Views of the spec that trainers read: flat attributes, each the value of one slash key."""

# ruff: noqa: RUF009  field() only declares
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from schema.namespace import field

if TYPE_CHECKING:
    from schema.sampling import Sampling


@dataclass(frozen=True, slots=True)
class LoRAConfig:
    """The adapters: their rank, their scale's numerator, and which parameters get them."""

    rank: int = field("optimization/lora/rank")
    alpha: float = field("optimization/lora/alpha")
    target_modules: list[str] = field("optimization/lora/target_modules")


@dataclass(frozen=True, slots=True)
class LoRATrainerConfig:
    """What a two-phase trainer reads; units are those of the sections (rows, tokens, steps, shares)."""

    batch_size: int = field("training/batch_size")
    per_device_batch_size: int = field("training/per_device_batch_size")
    total_tokens: int = field("training/tokens")
    lr: float = field("optimization/lr")
    warmup_pct: float = field("training/warmup_pct")
    decay_pct: float = field("training/decay_pct")
    validation: bool = field("training/validation")
    evaluate: bool = field("training/evaluate")
    validation_steps: int = field("training/validation_steps")
    dataset: list[Sampling] = field("training/dataset")
    pre_lora_tokens: list[int] = field("training/pre_lora_tokens")
    pre_lora_dataset: list[list[Sampling]] = field("training/pre_lora_dataset")
    post_lora_tokens: list[int] = field("training/post_lora_tokens")
    post_lora_dataset: list[list[Sampling]] = field("training/post_lora_dataset")
    evaluations: list[str] = field("eval/evaluations")
    block_size: int = field("architecture/block_size")
    report_interval: int = field("logging/report_interval")
    checkpoint_interval: int | Literal["never"] = field("logging/checkpoint_interval")
    validation_interval: int | Literal["never"] = field("logging/validation_interval")
    wandb: bool = field("logging/wandb")
