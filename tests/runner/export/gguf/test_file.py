"""A GGUF file is read back as it was written: names, types and facts as reviewed, each number within its rounding."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.chat.templates import load_template
from runner.data.tokenizer_files import read_tokenizer_files
from runner.export.gguf.file import FILE, as_written, read_gguf, write_gguf
from runner.export.gguf.metadata import facts_of
from runner.export.gguf.tensors import rope_factors, tensors_of
from runner.failure import ExitCode, Failure
from runner.files.errors import saving
from runner.huggingface.arrays import Array, to_hf
from runner.models._rotary import frequencies
from schema.families import GgufKind, Rope, gguf_bytes, parameters
from tests.runner.export.gguf import goldens

SHAPES: dict[str, Any] = {path.stem: json.loads(path.read_text())["architecture"] for path in goldens.cases()}
HEAD = 16  # features
KINDS: tuple[GgufKind, ...] = ("f16", "q8_0")


@pytest.mark.parametrize("case", goldens.cases(), ids=lambda path: path.stem)
def test_a_file_holds_the_facts_and_tensors_that_were_reviewed(case: Path) -> None:
    assert goldens.printed(case) == case.with_suffix(".out").read_text(encoding="utf-8")


def test_every_output_has_its_case() -> None:
    assert [path.with_suffix(".json") for path in goldens.outputs()] == goldens.cases()


def test_the_chat_template_is_the_one_of_the_run(tmp_path: Path) -> None:
    goldens.write(tmp_path, SHAPES["qwen3"], "f16", chat_template="of the folder")
    tokenizer = read_tokenizer_files(str(tmp_path / "tokenizer"))
    assert facts_of(tokenizer, 40).template == "of the folder"
    # Answers of this one end with the end of text.
    facts = facts_of(tokenizer, 40, load_template("alpaca", {"eos_token": tokenizer.facts.eos.name}))
    assert "### Response:" in (facts.template or "")
    assert facts.turn_end == tokenizer.facts.eos.id


def pairs(array: Array, heads: int) -> Array:
    """Rows (heads · size, …) with rows i and i + size / 2 of each head beside each other, one by one."""
    size = len(array) // heads
    order = [head * size + i + j * size // 2 for head in range(heads) for i in range(size // 2) for j in (0, 1)]
    return array[order]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", SHAPES)
def test_what_is_read_back_is_what_was_written(family: str, kind: GgufKind, tmp_path: Path) -> None:
    spec = goldens.write(tmp_path, SHAPES[family] | {"n_layers": 2}, kind)
    source, seen = goldens.weights_of(spec), {tensor.name: tensor for tensor in GGUFReader(tmp_path / FILE).tensors}
    for tensor in tensors_of(spec.architecture):
        path = tensor.parameter.path
        wanted = to_hf(tensor.row, path, source(path, tensor.layer))
        heads = {"q_proj": spec.architecture.n_head, "k_proj": spec.architecture.n_kv_head}.get(path.split("/")[-2])
        if family == "llama" and heads:
            wanted = pairs(wanted, heads)
        found = seen[tensor.name]
        number = dequantize(found.data, found.tensor_type)
        if found.tensor_type == GGMLQuantizationType.Q8_0:
            blocks = wanted.reshape(-1, 32)  # numbers with one scale, in half of whose steps they are rounded
            scale = np.abs(blocks).max(axis=1, keepdims=True) / 127
            assert (np.abs(number.reshape(-1, 32) - blocks) <= 0.5 * scale + 2**-10 * np.abs(blocks)).all()
        else:
            halves = found.tensor_type == GGMLQuantizationType.F16
            np.testing.assert_array_equal(number, wanted.astype(np.float16).astype(np.float32) if halves else wanted)


@pytest.mark.parametrize("family", SHAPES)
def test_parameters_come_back_in_our_shape(family: str, tmp_path: Path) -> None:
    spec = goldens.write(tmp_path, SHAPES[family] | {"n_layers": 2}, "f16")
    source, found = goldens.weights_of(spec), dict(read_gguf(tmp_path, spec.architecture))
    assert {path: array.shape for path, array in found.items()} == {
        each.path: each.shape for each in parameters(spec.architecture)
    }
    for path, array in found.items():
        parts = array if path.startswith("blocks/") else [array]
        for layer, part in enumerate(parts):
            wanted = source(path, layer if path.startswith("blocks/") else None)
            np.testing.assert_array_equal(part, wanted.astype(part.dtype))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", SHAPES)
def test_the_plan_foretells_the_bytes_of_all_tensors(family: str, kind: GgufKind, tmp_path: Path) -> None:
    spec = goldens.write(tmp_path, SHAPES[family], kind)
    data = (tmp_path / FILE).stat().st_size - GGUFReader(tmp_path / FILE).data_offset
    assert gguf_bytes(spec.architecture, kind) == data


@given(st.integers(1, 50_000), st.integers(1, 64), st.tuples(st.floats(0.5, 4), st.floats(5, 40)))
@settings(max_examples=20)
def test_factors_divide_frequencies_as_the_model_scales_them(
    length: int, factor: int, turns: tuple[float, float]
) -> None:
    rope = Rope(10_000.0, "llama3", float(factor), *turns, length)
    plain, wanted = (frequencies(HEAD, each, jnp.float32) for each in (Rope(10_000.0), rope))
    np.testing.assert_allclose(plain / rope_factors(rope, HEAD), wanted, rtol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_beyond_sixteen_bits_are_refused(kind: GgufKind, tmp_path: Path) -> None:
    spec = goldens.write(tmp_path, SHAPES["llama"], kind)
    weights = goldens.weights_of(spec)
    with pytest.raises(Failure, match="has numbers beyond the range of float16; nothing is exported") as refused:
        write_gguf(
            tmp_path,
            spec.architecture,
            kind,
            lambda path, layer: np.float32(1e8) * weights(path, layer),
            goldens.facts(tmp_path),
        )
    assert refused.value.exit_code is ExitCode.EXPORT


def test_a_file_of_another_model_is_refused(tmp_path: Path) -> None:
    spec = goldens.write(tmp_path, SHAPES["llama"], "f16")
    with pytest.raises(KeyError, match=r"blk\.1"):
        dict(read_gguf(tmp_path, spec.architecture.model_copy(update={"n_layers": 2})))
    with pytest.raises(ValueError, match=r"blk\.0\.ffn_down\.bias is no tensor of llama"):
        dict(read_gguf(tmp_path, spec.architecture.model_copy(update={"mlp_bias": False})))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full, a file on a disk without room")
def test_a_full_disk_is_said_whatever_of_a_file_meets_it(tmp_path: Path) -> None:
    spec, place = goldens.write(tmp_path, SHAPES["llama"], "f16"), tmp_path / ".partial-export"
    place.mkdir()
    (place / FILE).symlink_to("/dev/full")
    with pytest.raises(Failure, match="the disk is full: the export takes about 9 bytes") as failed:  # noqa: SIM117
        with saving(place, "the export", 9):
            write_gguf(place, spec.architecture, "f16", goldens.weights_of(spec), goldens.facts(tmp_path))
    assert (failed.value.exit_code, place.exists()) == (ExitCode.STORAGE, False)
    with pytest.raises(OSError, match="No space left on device") as full, Path("/dev/full").open("wb") as file:
        as_written(np.zeros(2**16, np.float32)).tofile(file)
    assert full.value.errno == errno.ENOSPC
