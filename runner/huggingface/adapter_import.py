"""An adapter that others made, brought into our form once its tensors are found to be those of the model's class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import ml_dtypes  # noqa: F401  numpy knows bfloat16 by it
import numpy as np
from safetensors import SafetensorError, safe_open

from runner.huggingface.adapter import FILE, adapter_tensors, read_adapter
from runner.huggingface.arrays import Array, Source
from schema.families import HuggingFace, Parameter

FLOATS = ("F32", "F16", "BF16", "F64")


class OtherAdapterError(ValueError):
    """A file of adapters that are not those which a model wants: `str()` says which."""


def import_adapter(
    folder: Path, hugging_face: HuggingFace, adapted: tuple[Parameter, ...], rank: int
) -> dict[str, Array]:
    """Read the adapters on the parameters `adapted`: lora_A/PATH (…, in, rank) and lora_B/PATH (…, rank, out), float32.

    Raises OtherAdapterError where the tensors are not those of these adapters, by name, shape, type or value; OSError
    where the file can't be read.
    """
    if any(parameter.role == "positions" for parameter in adapted):
        raise OtherAdapterError("an adapter on learned positions travels merged into their table, without A and B")
    blank = _blank(adapted, rank)
    wanted = {name: each.shape for name, each in adapter_tensors(hugging_face, adapted, blank)}
    _check_headers(folder / FILE, wanted)
    found = {path: array.astype(np.float32) for path, array in read_adapter(folder, hugging_face, adapted)}
    if strange := next((path for path, array in found.items() if not np.isfinite(array).all()), None):
        raise OtherAdapterError(f"{strange} is not finite")
    with safe_open(folder / FILE, "np") as file:
        for name, array in adapter_tensors(hugging_face, adapted, _sources(found)):
            if not np.array_equal(file.get_tensor(name).astype(np.float32), array):
                raise OtherAdapterError(f"{name} is an adapter of its own, and what it sits on is a copy here")
    return found


def _check_headers(path: Path, wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Compare names, shapes and types with those that are wanted; reads no weights."""
    try:
        with safe_open(path, "np") as file:
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
            if missing := sorted(wanted.keys() - parts.keys()):
                raise OtherAdapterError(f"the tensor {missing[0]} is missing")
            if strange := sorted(parts.keys() - wanted.keys()):
                raise OtherAdapterError(f"the tensor {strange[0]} belongs to no adapter that target_modules asks for")
            for name, part in parts.items():
                shape, dtype = tuple(part.get_shape()), str(part.get_dtype())
                if shape != wanted[name]:
                    raise OtherAdapterError(f"{name} has the shape {shape}, and {wanted[name]} is wanted")
                if dtype not in FLOATS:
                    raise OtherAdapterError(f"{name} has the type {dtype}, and one of {', '.join(FLOATS)} is wanted")
    except SafetensorError as error:
        raise OSError(f"{path.name}: {error}") from error


def _blank(adapted: tuple[Parameter, ...], rank: int) -> dict[str, Source]:
    """Adapters of zeros that take no room, for their shapes."""
    matrices = {parameter.path: parameter.matrix or (0, 0) for parameter in adapted}

    def zeros(shape: tuple[int, int]) -> Array:
        return np.broadcast_to(np.zeros((), np.float32), shape)

    return {
        "lora_A": lambda path, _: zeros((matrices[path][0], rank)),
        "lora_B": lambda path, _: zeros((rank, matrices[path][1])),
    }


def _sources(found: Mapping[str, Array]) -> dict[str, Source]:
    def of(side: str) -> Source:
        def source(path: str, layer: int | None) -> Array:
            whole = found[f"{side}/{path}"]
            return whole if layer is None else np.asarray(whole[layer])

        return source

    return {side: of(side) for side in ("lora_A", "lora_B")}
