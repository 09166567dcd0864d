"""Facts of the model families, one file each; an `architecture` section names its own with `family`.

A new family is a file in this folder, a file of its modules in `runner.models`, and an entry in the enumeration of
`architecture/family`. What the families of the shared decoder have in common stands in the files with an underscore.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Literal, Protocol, cast

from schema.families import _activations
from schema.families._activations import ATTENTION, LOW_RANK, Activation
from schema.families._decoder import HEAD, kv_heads, logits_path
from schema.families._hugging_face import HuggingFace, Row, stand_in
from schema.families._parameter import ITEM_BYTES, Parameter, Role, adapted, adapters, is_matrix, matches

__all__ = [
    "ATTENTION",
    "HEAD",
    "ITEM_BYTES",
    "LOW_RANK",
    "Activation",
    "Family",
    "HuggingFace",
    "Parameter",
    "Role",
    "Row",
    "adapted",
    "adapters",
    "flops_per_token",
    "is_matrix",
    "kept_activations",
    "kept_names",
    "kv_heads",
    "load_family",
    "logits_path",
    "matches",
    "parameters",
    "stand_in",
]


class Family(Protocol):
    """What the module of a family offers; `architecture` is that section, or anything with its attributes."""

    def head_dim(self, architecture: Any) -> int:
        """Features of one attention head."""

    def intermediate_size(self, architecture: Any) -> int:
        """Width of the feed-forward block, by default too."""

    def parameters(self, architecture: Any) -> tuple[Parameter, ...]:
        """The parameters in tree order; a test compares them with those of `runner.models`."""

    def unnamed_activations(self, architecture: Any, phase: Literal["full", "lora"]) -> tuple[Activation, ...]:
        """What autodiff keeps of a block, beside what has a name, where nothing is recomputed."""

    def flops_per_token(self, architecture: Any, adapter_parameters: int, phase: Literal["full", "lora"]) -> int:
        """FLOPs of one training token."""

    def hugging_face(self, architecture: Any) -> HuggingFace:
        """The class of Transformers that holds it: config and names."""


def load_family(name: str) -> Family:
    """Load the facts of the family that `architecture/family` names."""
    return cast(Family, import_module(f"schema.families.{name}"))


def parameters(architecture: Any) -> tuple[Parameter, ...]:
    """List the parameters of an architecture, as its family says."""
    return load_family(architecture.family).parameters(architecture)


def kept_names(architecture: Any) -> tuple[str, ...]:
    """Name what a block keeps for its backward pass with `architecture/remat: names`."""
    return _activations.kept_names(parameters(architecture))


def kept_activations(architecture: Any, targets: Sequence[str], rank: int) -> tuple[Activation, ...]:
    """List what has one of these names and is read again; `targets` get adapters of `rank`."""
    family = load_family(architecture.family)
    every, head_dim = family.parameters(architecture), family.head_dim(architecture)
    return tuple(_activations.kept_activations(architecture, head_dim, every, targets, rank))


def flops_per_token(architecture: Any, adapter_parameters: int, phase: Literal["full", "lora"]) -> int:
    """FLOPs of one training token, as the architecture's family says."""
    return load_family(architecture.family).flops_per_token(architecture, adapter_parameters, phase)
