"""Writing and reading a GGUF file, one tensor in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.quants import dequantize, quantize

from runner.export.gguf.metadata import Facts, add_model, add_tokenizer
from runner.export.gguf.tensors import FACTORS, Tensor, rope_factors, tensors_of
from runner.failure import ExitCode, Failure
from runner.huggingface.arrays import Array, Source, stacked
from schema.families import GgufKind, TensorKind, has_factors, load_family, options_of, tensor_bytes, tensor_kind
from schema.sections.architecture import Architecture

FILE = "model.gguf"


def write_gguf(folder: Path, architecture: Architecture, kind: GgufKind, source: Source, facts: Facts) -> None:
    """Write model.gguf into an existing folder; `source` gives the weights in float32.

    Raises OSError, and Failure EXPORT for a weight that is beyond the range of 16 bits.
    """
    o = options_of(architecture)
    gguf = load_family(architecture.family).GGUF
    assert gguf is not None, "check_gguf refuses such a spec"
    tensors = list(tensors_of(architecture))
    writer = GGUFWriter(folder / FILE, gguf.architecture)
    add_model(writer, o, kind, facts.context)
    add_tokenizer(writer, facts, o.vocab_size)
    if o.rope and has_factors(o):
        factors = rope_factors(o.rope, o.head_dim)
        _announce(writer, FACTORS, factors.shape, "F32")
    for tensor in tensors:
        _announce(writer, tensor.name, tensor.shape, tensor_kind(tensor.parameter, kind))
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if has_factors(o):
            writer.write_tensor_data(as_written(factors))
        for tensor in tensors:
            writer.write_tensor_data(_encoded(tensor, tensor_kind(tensor.parameter, kind), source))
    finally:
        writer.close()


def read_gguf(folder: Path, architecture: Architecture) -> Iterator[tuple[str, Array]]:
    """Yield every parameter by its path in our shape, in float16 or float32, one in memory at a time.

    Raises OSError, KeyError where a tensor is missing, and ValueError where one belongs to no parameter.
    """
    found = {tensor.name: tensor for tensor in GGUFReader(folder / FILE).tensors}
    layers: dict[str, list[Array]] = {}
    tensors = list(tensors_of(architecture))
    if strange := found.keys() - {tensor.name for tensor in tensors} - {FACTORS}:
        raise ValueError(f"{min(strange)} is no tensor of {architecture.family}")
    for tensor in tensors:
        own, parameter = found[tensor.name], tensor.parameter
        exact = own.tensor_type in (GGMLQuantizationType.F16, GGMLQuantizationType.F32)
        array = np.array(own.data) if exact else dequantize(own.data, own.tensor_type)
        parts = layers.setdefault(parameter.path, [])
        parts.append(tensor.from_gguf(array))
        if len(parts) == parameter.layers:
            yield parameter.path, stacked(parameter, layers.pop(parameter.path))


def _announce(writer: GGUFWriter, name: str, shape: tuple[int, ...], kind: TensorKind) -> None:
    size = tensor_bytes(int(np.prod(shape)), kind)
    # The type in memory says nothing where the type in the file is given.
    writer.add_tensor_info(name, shape, np.dtype(np.float32), size, GGMLQuantizationType[kind])


def _encoded(tensor: Tensor, kind: TensorKind, source: Source) -> Array:
    """Read one tensor from the source, and round it to its type."""
    wide = np.ascontiguousarray(tensor.to_gguf(source(tensor.parameter.path, tensor.layer)), np.float32)
    with np.errstate(over="ignore"):  # an overflow is inf in the result, which the next check finds
        array: Array = quantize(wide, GGMLQuantizationType[kind])
    scales = array.reshape(-1, 34)[:, :2].copy().view(np.float16) if kind == "Q8_0" else array
    if not np.isfinite(scales).all():
        raise Failure(
            f"{tensor.parameter.path} has numbers beyond the range of float16; nothing is exported: see the losses of "
            "the run, or remove export/gguf",
            ExitCode.EXPORT,
        )
    return as_written(array)


class _Written(np.ndarray):
    """An array whose `tofile`, which the package calls, fails with the error of the disk: numpy's own names none."""

    def tofile(self, file, *_):  # type: ignore[no-untyped-def]
        """Write the bytes of a contiguous array. Raises OSError."""
        file.write(self.data.cast("B"))


def as_written(array: Array) -> Array:
    """Return an array as the package may write it."""
    return np.ascontiguousarray(array).view(_Written)
