"""optimization: optimizer, schedule and adapters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schema.section import Section, key


class Lora(Section):
    """optimization/lora: the adapters of phase lora."""

    rank: int = key(16, "Adapter rank.", unit="rank", ge=1, change="breaking")
    alpha: float = key(16.0, "Adapter scale is alpha / rank (standard) or alpha / √rank (rslora).", change="breaking")
    target_modules: list[Annotated[str, Field(min_length=1)]] = key(
        lambda: ["kernel"], "Substrings of parameter paths that get adapters.", change="breaking"
    )
    lr: float | None = key(
        None, "Peak learning rate of phase lora; null means optimization/lr.", gt=0, change="breaking"
    )
    scaling: Literal["standard", "rslora"] = key(
        "standard", "How alpha and rank make the adapter scale.", change="breaking"
    )
    dropout: float = key(
        0.0, "Dropout rate of the adapter's input in training.", unit="share", ge=0, lt=1, change="breaking"
    )


class Optimization(Section):
    """optimization: each phase starts a fresh optimizer of this kind with its own schedule."""

    optimizer: Literal["adamw"] = key("adamw", "Optimizer of both phases.", change="breaking")
    schedule: Literal["wsd"] = key(
        "wsd", "Learning-rate schedule of each phase: warm-up, stable, decay.", change="breaking"
    )
    lr: float = key(3e-4, "Peak learning rate.", gt=0, change="breaking")
    weight_decay: float = key(
        0.1, "Decoupled weight decay of matrices; norms and biases are not decayed.", ge=0, change="breaking"
    )
    beta1: float = key(0.9, "Decay of Adam's first moment.", ge=0, lt=1, change="breaking")
    beta2: float = key(0.95, "Decay of Adam's second moment.", ge=0, lt=1, change="breaking")
    eps: float = key(1e-8, "Added to Adam's denominator.", gt=0, change="breaking")
    grad_clip: float | None = key(1.0, "Largest global gradient norm; null does not clip.", gt=0, change="breaking")
    lora: Lora = key(Lora, "Adapters of phase lora.", change="breaking")
