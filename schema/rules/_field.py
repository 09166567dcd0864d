"""Names of the field that lorarun does not have: methods it does not build, and the keys that belong to them."""

from __future__ import annotations

from typing import NamedTuple

from schema.check.findings import Json, Problem
from schema.document import Document
from schema.text.source import Path, Scalar
from schema.text.wording import join

SCHEDULES = (
    *("constant_with_warmup", "cosine_rewarm", "cosine_with_min_lr", "cosine_with_restarts"),
    *("exponential", "inverse_sqrt", "one_cycle", "polynomial", "rsqrt", "step", "warmup_stable_decay"),
    *("wsds",),
)
OPTIMIZERS = (
    *("adagrad", "adam", "adam8bit", "adamax", "adamw8bit", "adamw_8bit", "adamw_bnb_8bit"),
    *("adamw_torch", "adamw_torch_fused", "ademamix", "came", "galore", "lamb", "lars", "lion", "lion_8bit"),
    *("paged_adamw_32bit", "paged_adamw_8bit", "prodigy", "rmsprop", "schedule_free", "sgd", "shampoo", "soap"),
    *("sophia",),
)
METHODS: dict[Path, tuple[str, ...]] = {
    ("optimization", "schedule"): SCHEDULES,
    ("optimization", "optimizer"): OPTIMIZERS,
}


class Foreign(NamedTuple):
    """The methods that have a key: schedules or optimizers."""

    kind: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"the {self.kind}{'s' if len(self.names) > 1 else ''} {join(self.names, 'and')}"


# Keys of schedules and optimizers that lorarun does not build.
FOREIGN = {
    "optimization/amsgrad": Foreign("optimizer", ("adam",)),
    "optimization/constant_pct": Foreign("schedule", ("wsds",)),
    "optimization/dampening": Foreign("optimizer", ("sgd",)),
    "optimization/end_lr": Foreign("schedule", ("polynomial",)),
    "optimization/gamma": Foreign("schedule", ("exponential", "step")),
    "optimization/lr_end": Foreign("schedule", ("polynomial",)),
    "optimization/min_lr": Foreign("schedule", ("cosine_with_min_lr",)),
    "optimization/min_lr_ratio": Foreign("schedule", ("cosine_with_min_lr",)),
    "optimization/momentum": Foreign("optimizer", ("sgd",)),
    "optimization/nesterov": Foreign("optimizer", ("sgd",)),
    "optimization/num_cycles": Foreign("schedule", ("cosine_with_restarts",)),
    "optimization/power": Foreign("schedule", ("polynomial",)),
    "optimization/rewarm_lr": Foreign("schedule", ("cosine_rewarm",)),
    "optimization/step_size": Foreign("schedule", ("step",)),
    "optimization/timescale": Foreign("schedule", ("inverse_sqrt",)),
}


def names_a_method(path: Path, document: Document) -> bool:
    """Whether the choice at a path has a rule of its own: a schedule, or an optimizer that others build."""
    return path == ("optimization", "schedule") or is_known(path, document)


def is_known(path: Path, document: Document) -> bool:
    """Whether the field knows the schedule or optimizer that was written."""
    return written(path, document).lower() in METHODS.get(path, ())


def only_case(problem: Problem, document: Document) -> bool:
    """Whether a refused choice differs from the one that is meant in capital letters only."""
    return problem.instead != "" and written(problem.path, document).lower() == problem.instead.lower()


def written(path: Path, document: Document) -> str:
    """The choice as it was written; empty where there is no single value."""
    node = document.found.nodes.get(path)
    return node.text if isinstance(node, Scalar) else ""


def built(path: Path, document: Document) -> list[str]:
    """The schedules, or the optimizers, that lorarun builds."""
    schema: Json = document.found.schema
    for part in path:
        schema = schema["properties"][part]
    return [schema["const"]] if "const" in schema else list(schema["enum"])
