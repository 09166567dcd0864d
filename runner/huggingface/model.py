"""A model as Transformers loads it: config.json and safetensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runner.huggingface.arrays import Array, Source, from_hf, layers_of, stacked, to_hf
from runner.huggingface.tensors import Tensors, write_json, write_shards
from schema.families import HEAD, HuggingFace, Parameter


def write_model(
    folder: Path,
    hugging_face: HuggingFace,
    parameters: tuple[Parameter, ...],
    source: Source,
    config: Mapping[str, Any],
    untied: bool = False,
) -> None:
    """Write a model into an existing folder; `config` is added to the class's. Raises OSError.

    With `untied` the head is written as a copy of the token embedding that it is tied to.
    """
    own = {**hugging_face.config, **config, **({"tie_word_embeddings": False} if untied else {})}
    write_shards(folder, _tensors(hugging_face, parameters, source, untied))
    write_json(folder / "config.json", own)


def read_model(
    folder: Path, hugging_face: HuggingFace, parameters: tuple[Parameter, ...]
) -> Iterator[tuple[str, Array]]:
    """Yield every parameter by its path, in our shape, one in memory at a time.

    Raises OSError, KeyError where a tensor is missing, and ValueError where one is no tensor of the class.
    """
    tensors = Tensors(folder)
    for name in tensors.names:
        if hugging_face.name_from_hf(name) is None:
            raise ValueError(f"{name} is no tensor of {hugging_face.config['architectures'][0]}")
    for parameter in parameters:
        path, row = parameter.path, hugging_face.row(parameter.path)
        names = (hugging_face.name_to_hf(path, layer) for layer in layers_of(parameter))
        yield path, stacked(parameter, [from_hf(row, path, tensors[name]) for name in names])


def _tensors(
    hugging_face: HuggingFace, parameters: tuple[Parameter, ...], source: Source, untied: bool
) -> Iterator[tuple[str, Array]]:
    """Yield every tensor by its name in the class, one in memory at a time."""
    for parameter in parameters:
        path, row = parameter.path, hugging_face.row(parameter.path)
        for layer in layers_of(parameter):
            array = source(path, layer)
            yield hugging_face.name_to_hf(path, layer), to_hf(row, path, array)
            if row.adds_bias:
                yield f"{hugging_face.module(path, layer)}.bias", np.zeros_like(array)
    if untied:
        table = next(parameter.path for parameter in parameters if parameter.role == "embedding")
        yield hugging_face.name_to_hf(HEAD, None), source(table, None)
