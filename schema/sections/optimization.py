"""optimization: optimizer, schedule and adapters."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from schema.families import ALL_LINEAR
from schema.optimizers.adafactor.keys import Adafactor
from schema.optimizers.adamw.keys import AdamW
from schema.optimizers.muon.keys import Muon
from schema.section import Section, key


def _listed(value: Any) -> Any:
    """Read the one target that may stand without its list; the linter reads YAML itself."""
    return [value] if value == ALL_LINEAR else value


Targets = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_listed)]
Optimizer = Literal["adamw", "muon", "adafactor"]


class Lora(Section):
    """optimization/lora: the adapters of phase lora."""

    rank: int = key(16, "Adapter rank.", unit="rank", ge=1, change="breaking")
    alpha: float = key(16.0, "Adapter scale is alpha / rank (standard) or alpha / √rank (rslora).", change="breaking")
    target_modules: Targets = key(
        lambda: ["kernel"],
        "Substrings of parameter paths that get adapters; all-linear, alone or in the list, is every linear layer but "
        "the output head, as in PEFT.",
        word=ALL_LINEAR,
        change="breaking",
    )
    init: str | None = key(
        None,
        "Folder of an adapter that PEFT or an earlier run wrote, which phase lora starts from in place of random A and "
        "zero B; rank, alpha, scaling and target_modules must be its own.",
        min_length=1,
        change="free with the same content",
    )
    lr: float | None = key(
        None, "Peak learning rate of phase lora; null means optimization/lr.", gt=0, lt=1, change="breaking"
    )
    optimizer: Optimizer = key("adamw", "Optimizer of phase lora.", change="breaking")
    scaling: Literal["standard", "rslora"] = key(
        "standard", "How alpha and rank make the adapter scale.", change="breaking"
    )
    dropout: float = key(
        0.0, "Dropout rate of the adapter's input in training.", unit="share", ge=0, lt=1, change="breaking"
    )


class Optimization(Section):
    """optimization: each phase starts a fresh optimizer with its own schedule; keys of one kind are in its section."""

    optimizer: Optimizer = key("adamw", "Optimizer of phase full.", change="breaking")
    schedule: Literal["wsd", "cosine", "linear", "constant"] = key(
        "wsd",
        "Learning rate of each phase after its warm-up: stable, then a linear decay in the last decay_pct; a fall to "
        "the phase's end along a cosine or a line; or constant. Only wsd reads decay_pct.",
        change="breaking",
    )
    lr: float = key(3e-4, "Peak learning rate.", gt=0, lt=1, change="breaking")
    weight_decay: float = key(
        0.1, "Decoupled weight decay of matrices; norms and biases are not decayed.", ge=0, change="breaking"
    )
    grad_clip: float | None = key(1.0, "Largest global gradient norm; null does not clip.", gt=0, change="breaking")
    adamw: AdamW = key(AdamW, "Keys of AdamW.", change="breaking")
    muon: Muon = key(Muon, "Keys of Muon.", change="breaking")
    adafactor: Adafactor = key(Adafactor, "Keys of Adafactor.", change="breaking")
    lora: Lora = key(Lora, "Adapters of phase lora.", change="breaking")
