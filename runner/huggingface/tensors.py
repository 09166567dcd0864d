"""Tensors in safetensors files, in shards of bounded size with an index, as Transformers reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from runner.huggingface.arrays import Array

SHARD_BYTES = 4 * 2**30


def write_shards(folder: Path, tensors: Iterable[tuple[str, Array]], shard_bytes: int = SHARD_BYTES) -> None:
    """Write tensors in their order as model.safetensors, or as shards with an index where they are more than one.

    No more than one shard is in memory at a time. Raises OSError.
    """
    sizes: dict[str, int] = {}
    shards: list[list[str]] = []
    waiting: dict[str, Array] = {}

    def flush() -> None:
        shards.append(list(waiting))
        write_tensors(folder / f"shard-{len(shards)}", waiting)
        waiting.clear()

    for name, tensor in tensors:
        if waiting and sum(each.nbytes for each in waiting.values()) + tensor.nbytes > shard_bytes:
            flush()
        waiting[name], sizes[name] = tensor, tensor.nbytes
    flush()
    if len(shards) == 1:
        (folder / "shard-1").rename(folder / "model.safetensors")
        return
    places: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        (folder / f"shard-{number}").rename(folder / file)
        places |= dict.fromkeys(names, file)
    write_json(
        folder / "model.safetensors.index.json",
        {"metadata": {"total_size": sum(sizes.values())}, "weight_map": dict(sorted(places.items()))},
    )


def write_tensors(path: Path, tensors: dict[str, Array]) -> None:
    """Write one safetensors file. Raises OSError."""
    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}  # strides would be ignored
    path.touch()
    mode = path.stat().st_mode  # which the library would make one for the owner alone
    try:
        save_file(whole, path, metadata={"format": "pt"})  # which Transformers asks for, whoever wrote the file
    except SafetensorError as error:
        raise OSError(f"{path.name}: {error}") from error
    path.chmod(mode)


class Tensors:
    """The tensors of the safetensors files in a folder, each read when it is asked for. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, Any] = {}
        for path in sorted(folder.glob("*.safetensors")):
            try:
                file: Any = safe_open(path, "np")
            except SafetensorError as error:
                raise OSError(f"{path.name}: {error}") from error
            self._files |= dict.fromkeys(file.keys(), file)

    @property
    def names(self) -> list[str]:
        """The names of all of them."""
        return list(self._files)

    def __getitem__(self, name: str) -> Array:
        """Read one tensor. Raises KeyError when no file has it."""
        tensor: Array = self._files[name].get_tensor(name)
        return tensor


def write_json(path: Path, value: Any) -> None:
    """Write a file that people read too. Raises OSError."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
