"""Facts of the model families, one file each; an `architecture` section names its own with `family`.

A new family is a file in this folder, a file of its modules in `runner.models`, and an entry in the enumeration of
`architecture/family`. What the families of the shared decoder have in common stands in the files with an underscore.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal, Protocol, cast

from schema.families._decoder import HEAD, kv_heads
from schema.families._hugging_face import HuggingFace, Row, stand_in
from schema.families._parameter import ITEM_BYTES, Parameter, Role, adapted, adapters, is_matrix, matches

__all__ = [
    "HEAD",
    "ITEM_BYTES",
    "Family",
    "HuggingFace",
    "Parameter",
    "Role",
    "Row",
    "activation_bytes",
    "adapted",
    "adapters",
    "flops_per_token",
    "is_matrix",
    "kv_heads",
    "load_family",
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

    def activation_bytes(self, architecture: Any, rows: int, vocab_rows: int = 1) -> int:
        """Bytes that a micro-batch of `rows` rows keeps for its backward pass, with logits of `vocab_rows` rows."""

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


def activation_bytes(architecture: Any, rows: int, vocab_rows: int = 1) -> int:
    """Estimate the bytes of a micro-batch's activations, as the architecture's family says."""
    return load_family(architecture.family).activation_bytes(architecture, rows, vocab_rows)


def flops_per_token(architecture: Any, adapter_parameters: int, phase: Literal["full", "lora"]) -> int:
    """FLOPs of one training token, as the architecture's family says."""
    return load_family(architecture.family).flops_per_token(architecture, adapter_parameters, phase)
