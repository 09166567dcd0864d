"""Bytes of a run: of the state on one device, of a checkpoint, of an export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from schema.budget.mesh import parts_of
from schema.families import ITEM_BYTES, POSITIONS, Parameter, adapters, exported_size, parameters

CHUNK_TOKENS = 1024  # whose logits one device holds at a time
WHOLE = {"data": 1, "fsdp": 1, "tensor": 1}  # the mesh of an array that is not split


def device_bytes(found: Sequence[Parameter], item_bytes: int, mesh: dict[str, int]) -> int:
    """Bytes that these arrays take on one device of a mesh, each split as its axes say."""
    return sum(
        -(-parameter.size // parts_of(parameter.axes, parameter.shape, mesh)) * item_bytes for parameter in found
    )


def state_bytes(architecture: Any, lora: Any, mesh: dict[str, int], phase: Literal["full", "lora"]) -> dict[str, int]:
    """Bytes on one device by part, activations left out; `lora` is an `optimization/lora` section.

    Adapters, gradients and both moments are float32; the frozen base has its matrices in the activation type.
    """
    every, wide = parameters(architecture), ITEM_BYTES["float32"]
    trained = adapters(every, lora.target_modules, lora.rank) if phase == "lora" else every
    matrices = [parameter for parameter in every if parameter.matrix is not None]
    vectors = [parameter for parameter in every if parameter.matrix is None]
    dtype = architecture.dtype
    base = device_bytes(matrices, ITEM_BYTES[dtype.activation], mesh)
    base += device_bytes(vectors, ITEM_BYTES[dtype.param], mesh)
    return {
        "parameters": device_bytes(trained, wide if phase == "lora" else ITEM_BYTES[dtype.param], mesh),
        "gradients": device_bytes(trained, wide, mesh),
        "optimizer": 2 * device_bytes(trained, wide, mesh),
        "base": base if phase == "lora" else 0,
    }


def checkpoint_bytes(architecture: Any, lora: Any, phase: Literal["full", "lora"]) -> int:
    """Bytes of one checkpoint: what the phase trains and its optimizer, of the whole model."""
    parts = state_bytes(architecture, lora, WHOLE, phase)
    return parts["parameters"] + parts["optimizer"]


def base_bytes(architecture: Any, lora: Any) -> int:
    """Bytes of the frozen base of phase lora, as a file holds it: whole."""
    return state_bytes(architecture, lora, WHOLE, "lora")["base"]


def export_bytes(architecture: Any, lora: Any, export: Any, has_adapters: bool) -> int:
    """Bytes of the tensors that an `export` section asks for at the end of a run, with adapters or without.

    As `runner.huggingface` lays them out. Headers of files and their JSON come on top, some kilobytes a folder.
    """
    every, item = parameters(architecture), ITEM_BYTES[export.dtype]
    own = adapters(every, lora.target_modules, lora.rank) if has_adapters and export.adapter else ()
    copies: int = export.merged + bool(own)
    weights = copies * sum(exported_size(architecture, parameter) for parameter in every)
    sizes = {parameter.path: exported_size(architecture, parameter) for parameter in own}
    tied, table = architecture.tie_embeddings, architecture.vocab_size * architecture.n_embd
    if tied and "lora_A/wte/embedding" in sizes:
        weights += table  # the head of the base, which is untied there
        sizes["head"] = sizes["lora_A/wte/embedding"] + sizes["lora_B/wte/embedding"]
    if "lora_A/wpe/embedding" in sizes:  # travels whole, in place of A and B
        weights += sum(exported_size(architecture, parameter) for parameter in every if parameter.path == POSITIONS)
        del sizes["lora_A/wpe/embedding"], sizes["lora_B/wpe/embedding"]
        sizes = sizes or {"stand-in": 2 * architecture.n_embd * lora.rank}  # PEFT wants one adapter at least
    return weights * item + sum(sizes.values()) * ITEM_BYTES["float32"]
