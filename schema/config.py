"""Typed configurations over the slash keys of a Spec: `field` names the key, `configure` fills the fields.

A view declares no default: without arguments its attributes hold those of the sections, read when it is built. Views
are for callers; the trainers read the spec itself.
"""

# ruff: noqa: RUF009  field() only declares
from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from schema.text.wording import join, nearest

if TYPE_CHECKING:
    from schema.sampling import Sampling
    from schema.spec import Spec

KEY = "key"
View = TypeVar("View")


@dataclass(frozen=True, slots=True)
class _SectionDefault:
    """Returns the default that a section gives a slash key; pydantic is loaded at the first call."""

    path: str

    def __call__(self) -> Any:
        from schema.spec import Spec

        return value_at(Spec(), self.path)


def field(path: str) -> Any:
    """Declare one attribute of a view: a dataclass field for this slash key, with the default of its section."""
    return dataclasses.field(metadata={KEY: path}, default_factory=_SectionDefault(path))


def configure(view: type[View], spec: Spec) -> View:
    """Build a view from a spec, each attribute from the key that its `field` names.

    Raises TypeError for what is no view (no dataclass, a field without key or with a default of its
    own) and KeyError for a key that no section declares.
    """
    if not dataclasses.is_dataclass(view) or not isinstance(view, type):
        raise TypeError(f"{view!r} is not a dataclass")
    values = {}
    for declared in dataclasses.fields(view):
        name = f"{view.__name__}.{declared.name}"
        if KEY not in declared.metadata:
            raise TypeError(f"{name} names no key: declare it with schema.field('section/key')")
        if not isinstance(declared.default_factory, _SectionDefault):
            raise TypeError(f"{name} has a default of its own: the default of a key stands in its section only")
        values[declared.name] = value_at(spec, declared.metadata[KEY])
    return view(**values)


def value_at(spec: Spec, path: str) -> Any:
    """Return the value of a slash key, default included; raise KeyError with the nearest key."""
    value: Any = spec
    for part in path.split("/"):
        if part not in getattr(type(value), "model_fields", ()):
            near = nearest(path, _paths(spec, ""))
            hint = f"; did you mean {join([repr(key) for key in near], 'or')}?" if near else ""
            raise KeyError(f"the spec has no key {path!r}{hint}")
        value = getattr(value, part)
    return value


def _paths(section: Any, above: str) -> Iterator[str]:
    for name in getattr(type(section), "model_fields", ()):
        yield f"{above}{name}"
        yield from _paths(getattr(section, name), f"{above}{name}/")


@dataclass(frozen=True, slots=True)
class LoRAConfig:
    """The adapters: their rank, their scale's numerator, and which parameters get them."""

    rank: int = field("optimization/lora/rank")
    alpha: float = field("optimization/lora/alpha")
    target_modules: list[str] = field("optimization/lora/target_modules")


@dataclass(frozen=True, slots=True)
class LoRATrainerConfig:
    """What a two-phase run is asked to do; units are those of the sections (rows, tokens, steps, shares)."""

    batch_size: int = field("training/batch_size")
    per_device_batch_size: int = field("training/per_device_batch_size")
    total_tokens: int = field("training/tokens")
    lr: float = field("optimization/lr")
    warmup_pct: float = field("training/warmup_pct")
    decay_pct: float = field("training/decay_pct")
    validate: bool = field("training/validation")
    evaluate: bool = field("training/evaluate")
    datasets: list[Sampling] = field("training/dataset")
    evaluations: list[str] = field("eval/evaluations")
    block_size: int = field("architecture/block_size")
    report_interval: int = field("logging/report_interval")
    checkpoint_interval: int | Literal["never"] = field("logging/checkpoint_interval")
    validation_interval: int | Literal["never"] = field("logging/validation_interval")
    validation_steps: int = field("training/validation_steps")
    wandb: bool = field("logging/wandb")
    pre_lora_tokens: list[int] = field("training/pre_lora_tokens")
    pre_lora_datasets: list[list[Sampling]] = field("training/pre_lora_dataset")
    post_lora_tokens: list[int] = field("training/post_lora_tokens")
    post_lora_datasets: list[list[Sampling]] = field("training/post_lora_dataset")
