"""Facts of the model families, one file each; an `architecture` section names its own with `family`.

A new family is a file in this folder and an entry in the enumeration of `architecture/family`; a part that no family
has yet is one more in `Options`, here and in `runner.models`. What the families share stands in the files with an
underscore.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Literal, Protocol, cast

from schema.families import _activations, _decoder, _gguf
from schema.families._activations import ATTENTION, LOW_RANK, Activation
from schema.families._adapter_config import AdapterConfig, adapter_refusals, adapters_of
from schema.families._config import MODEL_TYPES, ConfigError, architecture_of
from schema.families._config import NAMES as CONFIG_NAMES
from schema.families._gguf import Gguf, GgufKind, TensorKind, has_factors, tensor_bytes, tensor_kind
from schema.families._hugging_face import HuggingFace, Row, stand_in
from schema.families._options import Options, Refusal, Rope
from schema.families._parameter import (
    ALL_LINEAR,
    HEAD,
    ITEM_BYTES,
    Parameter,
    Role,
    adapted,
    adapters,
    is_matrix,
    matches,
)

__all__ = [
    "ALL_LINEAR",
    "ATTENTION",
    "CONFIG_NAMES",
    "HEAD",
    "ITEM_BYTES",
    "LOW_RANK",
    "MODEL_TYPES",
    "Activation",
    "AdapterConfig",
    "ConfigError",
    "Family",
    "Gguf",
    "GgufKind",
    "HuggingFace",
    "Options",
    "Parameter",
    "Refusal",
    "Role",
    "Rope",
    "Row",
    "TensorKind",
    "adapted",
    "adapter_refusals",
    "adapters",
    "adapters_of",
    "architecture_of",
    "flops_per_token",
    "gguf_bytes",
    "gguf_refusals",
    "has_factors",
    "is_matrix",
    "kept_activations",
    "kept_names",
    "load_family",
    "logits_path",
    "matches",
    "options_of",
    "parameters",
    "shape_is_whole",
    "splits_width",
    "stand_in",
    "tensor_bytes",
    "tensor_kind",
    "unnamed_activations",
]


class Family(Protocol):
    """What the module of a family offers; `architecture` is that section, or anything with its attributes."""

    HEAD_DIM: int | None  # features of a head where the architecture does not say; None where n_embd / n_head
    GGUF: Gguf | None  # how llama.cpp knows it, None where it does not

    def refusals(self, architecture: Any) -> Iterator[Refusal]:
        """What the section asks and the family does not have."""

    def options(self, architecture: Any) -> Options:
        """What the decoder is made of."""

    def hugging_face(self, architecture: Any) -> HuggingFace:
        """The class of Transformers that holds it: config and names."""


def load_family(name: str) -> Family:
    """Load the facts of the family that `architecture/family` names."""
    return cast(Family, import_module(f"schema.families.{name}"))


def options_of(architecture: Any) -> Options:
    """Return what the decoder of an architecture is made of, as its family says."""
    return load_family(architecture.family).options(architecture)


def splits_width(architecture: Any) -> bool:
    """Whether heads take equal parts of the width: no head size is written, and the family has none of its own."""
    return architecture.head_dim is None and load_family(architecture.family).HEAD_DIM is None


def shape_is_whole(architecture: Any) -> bool:
    """Whether heads divide what they share, so that shapes mean something."""
    heads = architecture.n_head
    whole = architecture.n_embd % heads == 0 or not splits_width(architecture)
    return whole and heads % (architecture.n_kv_head or heads) == 0


def parameters(architecture: Any) -> tuple[Parameter, ...]:
    """List the parameters of an architecture in tree order; a test compares them with those of `runner.models`."""
    return _decoder.parameters(options_of(architecture))


def gguf_refusals(architecture: Any) -> Iterator[Refusal]:
    """Yield what of an architecture llama.cpp has no place for."""
    return _gguf.gguf_refusals(architecture.family, load_family(architecture.family).GGUF, options_of(architecture))


def gguf_bytes(architecture: Any, kind: GgufKind) -> int:
    """Bytes of the tensors of a GGUF file."""
    return _gguf.gguf_bytes(parameters(architecture), options_of(architecture), kind)


def unnamed_activations(architecture: Any, phase: Literal["full", "lora"]) -> tuple[Activation, ...]:
    """List what autodiff keeps of a block beside what has a name, where nothing is recomputed."""
    return _decoder.unnamed_activations(options_of(architecture), phase)


def kept_names(every: Sequence[Parameter]) -> tuple[str, ...]:
    """Name what a block with these parameters keeps for its backward pass with `architecture/remat: names`."""
    return _activations.kept_names(every)


def kept_activations(architecture: Any, targets: Sequence[str], rank: int) -> tuple[Activation, ...]:
    """List what has one of these names and is read again; `targets` get adapters of `rank`."""
    o = options_of(architecture)
    return tuple(_activations.kept_activations(o, _decoder.parameters(o), targets, rank))


def logits_path(architecture: Any) -> str:
    """Path of the matrix that makes logits: the head's, or that of the token embedding where they are tied."""
    return _decoder.logits_path(architecture.tie_embeddings)


def flops_per_token(architecture: Any, adapter_parameters: int, phase: Literal["full", "lora"]) -> int:
    """FLOPs of one training token in a phase, those of the adapters' parameters among them."""
    return _decoder.flops_per_token(options_of(architecture), adapter_parameters, phase)
