"""What text is made with: a model and its tokenizer, found by a path, and its weights, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax

from runner.data.tokenizers import Tokenizer
from runner.mesh import build_mesh
from runner.models import Decoder
from schema.sections.chat import Chat
from schema.sections.mesh import Mesh

Variables = dict[str, Any]  # params, and lora_A and lora_B where there are adapters
Dtype = str | None  # float32, bfloat16, float16, or what belongs to the weights


@dataclass(frozen=True, slots=True)
class Target:
    """A model that was found, of which no weight is read yet.

    `chat` names the template of conversations; `origin` has config.json and generation_config.json of the model that it
    is or comes from, by their names. `load` reads the weights, and raises Failure STORAGE where they are damaged.
    `remarks` are for the user.
    """

    name: str
    model: Decoder
    tokenizer: Tokenizer
    chat: Chat
    origin: Mapping[str, Any]
    has_adapters: bool
    load: Callable[[], Variables]
    remarks: tuple[str, ...] = ()


def scale_adapters(variables: Variables, factor: float) -> Variables:
    """Multiply what the adapters add by a factor; 0 leaves the base, computed by the same programs."""
    return {**variables, "lora_B": jax.tree.map(lambda b: b * factor, variables["lora_B"])}


def whole_mesh() -> jax.sharding.Mesh:
    """All devices, with the parameters split over them: one row of tokens is all that there is to compute."""
    return build_mesh(Mesh(data=1, fsdp=-1))
