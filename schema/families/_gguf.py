"""What a GGUF file of llama.cpp holds of a family, and with how many bytes; `runner.export.gguf` writes it.

A matrix is stored as (out, in). Vectors, and factors of rotary frequencies, are float32 in every file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from schema.families._options import Options, Refusal
from schema.families._parameter import Parameter

Q8_0_ROW = 32  # numbers that share one scale of two bytes
ALIGNMENT = 32  # bytes at a multiple of which a tensor begins
GgufKind = Literal["f16", "q8_0"]
TensorKind = Literal["F32", "F16", "Q8_0"]


class Gguf(NamedTuple):
    """How llama.cpp knows a family.

    `interleaved` says that the pairs of rotary positions are neighbours there, where ours are half a head apart;
    queries and keys are written in that order. `biases` says whether projections may have them.
    """

    architecture: str
    interleaved: bool
    biases: bool
    rope_types: tuple[str, ...]


def gguf_refusals(family: str, gguf: Gguf | None, o: Options) -> Iterator[Refusal]:
    """Yield what llama.cpp has no place for; a file without it would be another model."""
    if gguf is None:
        yield Refusal("family", f"export/gguf does not write family {family}", "remove it, or choose llama or qwen3")
        return
    if (o.attention_bias or o.mlp_bias) and not gguf.biases:
        key = "attention_bias" if o.attention_bias else "mlp_bias"
        yield Refusal(key, f"llama.cpp has no biases in family {family}", "remove export/gguf, or train without biases")
    if o.rope and o.rope.rope_type not in gguf.rope_types:
        reason = f"llama.cpp does not scale rotary positions by {o.rope.rope_type} in family {family}"
        yield Refusal("rope_scaling/rope_type", reason, "remove export/gguf")


def tensor_kind(parameter: Parameter, kind: GgufKind) -> TensorKind:
    """Return the type in which a parameter is written; rows that no scales fit stay in 16 bits, as llama.cpp has it."""
    if parameter.matrix is None:
        return "F32"
    return "Q8_0" if kind == "q8_0" and row_length(parameter) % Q8_0_ROW == 0 else "F16"


def row_length(parameter: Parameter) -> int:
    """Numbers in a row (out, in) of a matrix: features that go in; of a table, features of a token."""
    inputs, outputs = parameter.matrix or (0, 0)
    return outputs if parameter.role == "embedding" else inputs


def tensor_bytes(scalars: int, kind: TensorKind) -> int:
    """Bytes of a tensor of so many numbers."""
    if kind == "Q8_0":
        return scalars // Q8_0_ROW * (Q8_0_ROW + 2)
    return scalars * (4 if kind == "F32" else 2)


def gguf_bytes(found: Sequence[Parameter], o: Options, kind: GgufKind) -> int:
    """Bytes of the tensors of a file, padded as they lie there; the vocabulary and other facts come before them."""
    sizes = [
        size
        for parameter in found
        for size in [tensor_bytes(parameter.size // parameter.layers, tensor_kind(parameter, kind))] * parameter.layers
    ]
    if has_factors(o):
        sizes.append(o.head_dim // 2 * 4)
    return sum(-(-size // ALIGNMENT) * ALIGNMENT for size in sizes)


def has_factors(o: Options) -> bool:
    """Whether a file holds a factor for each rotary frequency."""
    return o.rope is not None and o.rope.rope_type == "llama3"
