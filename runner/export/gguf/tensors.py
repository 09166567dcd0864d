"""The tensors of a GGUF file: llama.cpp's names, and its order of rows, which are not ours.

Queries and keys of a family whose rotary pairs are neighbours in llama.cpp have their rows in that order:
row 2·i + j of a head there is row i + j · head / 2 of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, get_tensor_name_map

from runner.huggingface.arrays import Array, from_hf, layers_of, to_hf
from schema.families import HuggingFace, Options, Parameter, Rope, Row, load_family, options_of, parameters

FACTORS = "rope_freqs.weight"


class Tensor(NamedTuple):
    """One tensor of the file: the parameter that it holds, or its part of one layer.

    `heads` are those whose rows are in another order, None where all rows are as ours.
    """

    name: str
    parameter: Parameter
    layer: int | None
    row: Row
    heads: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        """(out, in) of a matrix, (features,) of a vector."""
        shape = self.parameter.shape[1:] if self.layer is not None else self.parameter.shape
        return shape[::-1] if self.parameter.path.endswith("/kernel") else shape

    def to_gguf(self, array: Array) -> Array:
        """Bring our array into the file's form."""
        array = to_hf(self.row, self.parameter.path, array)
        return array if self.heads is None else _neighbours(array, self.heads)

    def from_gguf(self, array: Array) -> Array:
        """Undo `to_gguf`."""
        array = array if self.heads is None else _halves(array, self.heads)
        return from_hf(self.row, self.parameter.path, array)


def tensors_of(architecture: Any) -> Iterator[Tensor]:
    """Yield the tensors of an architecture in the order of its parameters. Raises KeyError for one without a name."""
    family, o = load_family(architecture.family), options_of(architecture)
    files: HuggingFace = family.hugging_face(architecture)
    interleaved = family.GGUF is not None and family.GGUF.interleaved
    names = get_tensor_name_map(_number(architecture), o.n_layers)
    for parameter in parameters(architecture):
        heads = _heads(parameter.path, o) if interleaved else None
        for layer in layers_of(parameter):
            wanted = files.name_to_hf(parameter.path, layer)
            name = names.get_name(wanted, (".weight", ".bias"))
            if name is None:
                raise KeyError(wanted)
            yield Tensor(name, parameter, layer, files.row(parameter.path), heads)


def rope_factors(rope: Rope, head: int) -> npt.NDArray[np.float32]:
    """Return by what each frequency (head / 2,) is divided, as `runner.models` scales them for llama3."""
    plain = rope.theta ** (-np.arange(0, head, 2) / head)  # radians a position
    turns = rope.original_max_position_embeddings * plain / (2 * np.pi)  # within the original length
    stays = np.clip((turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor), 0, 1)
    return (1 / ((1 - stays) / rope.factor + stays)).astype(np.float32)


def _number(architecture: Any) -> MODEL_ARCH:
    """The package's own name of an architecture."""
    gguf = load_family(architecture.family).GGUF
    return next(number for number, name in MODEL_ARCH_NAMES.items() if gguf and name == gguf.architecture)


def _heads(path: str, o: Options) -> int | None:
    """How many heads have rotary positions in this parameter; None where none has."""
    return {"q_proj": o.n_head, "k_proj": o.n_kv_head}.get(path.split("/")[-2])


def _neighbours(array: Array, heads: int) -> Array:
    """Put the rows i and i + head / 2 of each head beside each other."""
    return array.reshape(heads, 2, -1, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)


def _halves(array: Array, heads: int) -> Array:
    """Undo `_neighbours`."""
    return array.reshape(heads, -1, 2, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)
