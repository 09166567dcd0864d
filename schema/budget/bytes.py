"""Bytes of a run: of the state on one device, of a checkpoint, of an export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from schema.budget.mesh import parts_of
from schema.families import ITEM_BYTES, Parameter, adapted, adapters, gguf_bytes, load_family, parameters, stand_in
from schema.optimizers import Slot, state_slots

WHOLE = {"data": 1, "fsdp": 1, "tensor": 1}  # the mesh of an array that is not split


def device_bytes(found: Sequence[Parameter | Slot], item_bytes: int, mesh: dict[str, int]) -> int:
    """Bytes that these arrays take on one device of a mesh, each split as its axes say."""
    return sum(
        -(-parameter.size // parts_of(parameter.axes, parameter.shape, mesh)) * item_bytes for parameter in found
    )


def state_bytes(
    architecture: Any, optimization: Any, mesh: dict[str, int], phase: Literal["full", "lora"]
) -> dict[str, int]:
    """Bytes on one device by part, activations left out; `optimization` is that section.

    Adapters, gradients and all that an optimizer keeps have four bytes a scalar.
    """
    every, wide, lora = parameters(architecture), ITEM_BYTES["float32"], optimization.lora
    trained = adapters(every, lora.target_modules, lora.rank) if phase == "lora" else every
    dtype = architecture.dtype
    return {
        "parameters": device_bytes(trained, wide if phase == "lora" else ITEM_BYTES[dtype.param], mesh),
        "gradients": device_bytes(trained, wide, mesh),
        "optimizer": device_bytes([*state_slots(optimization, phase, trained)], wide, mesh),
        "base": base_bytes(architecture, mesh) if phase == "lora" else 0,
    }


def base_bytes(architecture: Any, mesh: dict[str, int]) -> int:
    """Bytes of the frozen base of phase lora on one device: its matrices have the activation type."""
    every, dtype = parameters(architecture), architecture.dtype
    matrices = [parameter for parameter in every if parameter.matrix is not None]
    vectors = [parameter for parameter in every if parameter.matrix is None]
    size = device_bytes(matrices, ITEM_BYTES[dtype.activation], mesh)
    return size + device_bytes(vectors, ITEM_BYTES[dtype.param], mesh)


def checkpoint_bytes(architecture: Any, optimization: Any, phase: Literal["full", "lora"]) -> int:
    """Bytes of one checkpoint: what the phase trains and its optimizer, of the whole model."""
    parts = state_bytes(architecture, optimization, WHOLE, phase)
    return parts["parameters"] + parts["optimizer"]


def export_bytes(architecture: Any, lora: Any, export: Any, has_adapters: bool) -> int:
    """Bytes of the tensors that an `export` section asks for at the end of a run, with adapters or without.

    As `runner.huggingface` and `runner.export.gguf` lay them out. Headers of files and their JSON come on top, some
    kilobytes a folder, and the vocabulary in the file for llama.cpp.
    """
    family = load_family(architecture.family)
    every, files = parameters(architecture), family.hugging_face(architecture)
    own = adapted(every, lora.target_modules) if has_adapters and export.adapter else []
    copies: int = export.merged + bool(own)
    weights, low_rank = copies * sum(files.size(parameter) for parameter in every), 0
    for parameter in own:
        if parameter.role == "positions":  # travels whole, in place of A and B
            weights += files.size(parameter)
            continue
        size, is_head = files.adapter_size(parameter, lora.rank), files.is_tied and parameter.role == "embedding"
        low_rank += (1 + is_head) * size
        weights += is_head * parameter.size  # the head of the base, which is untied there
    if own and not low_rank:
        low_rank = files.adapter_size(stand_in(every), lora.rank) // architecture.n_layers
    one_file = gguf_bytes(architecture, export.gguf) if export.gguf else 0
    return weights * ITEM_BYTES[export.dtype] + low_rank * ITEM_BYTES["float32"] + one_file
