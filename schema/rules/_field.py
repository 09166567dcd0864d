"""Names of the field that lorarun does not have: methods it does not build, and the keys that belong to them."""

from __future__ import annotations

from schema.document import Document
from schema.findings import Path
from schema.source import Scalar

SCHEDULES = (
    *("constant", "constant_with_warmup", "cosine", "cosine_rewarm", "cosine_with_restarts", "exponential"),
    *("inverse_sqrt", "linear", "one_cycle", "polynomial", "rsqrt", "step", "warmup_stable_decay", "wsd_reset", "wsds"),
)
OPTIMIZERS = (
    *("adafactor", "adagrad", "adam", "adam8bit", "adamw_8bit", "adamw_bnb_8bit", "adamw_torch", "adamw_torch_fused"),
    *("galore", "lamb", "lion", "muon", "paged_adamw_8bit", "rmsprop", "schedule_free", "sgd", "shampoo", "soap"),
    *("sophia",),
)
METHODS: dict[Path, tuple[str, ...]] = {
    ("optimization", "schedule"): SCHEDULES,
    ("optimization", "optimizer"): OPTIMIZERS,
}

# A key that another schedule or optimizer has → which.
FOREIGN = {
    "optimization/constant_pct": "the schedule wsds",
    "optimization/end_lr": "the schedules cosine and linear",
    "optimization/min_lr": "the schedule cosine",
    "optimization/min_lr_ratio": "the schedule cosine",
    "optimization/momentum": "the optimizer sgd",
    "optimization/nesterov": "the optimizers sgd and muon",
    "optimization/num_cycles": "the schedule cosine_with_restarts",
    "optimization/rewarm_lr": "the schedule cosine_rewarm",
}


def names_a_method(path: Path, document: Document) -> bool:
    """Whether the choice at a path has a rule of its own: a schedule, or an optimizer that others build."""
    return path == ("optimization", "schedule") or is_known(path, document)


def is_known(path: Path, document: Document) -> bool:
    """Whether the field knows the schedule or optimizer that was written."""
    node = document.found.nodes.get(path)
    return isinstance(node, Scalar) and node.text.lower() in METHODS.get(path, ())
