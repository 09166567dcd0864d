"""A model goes out bit for bit as it came in: names, shapes, types and numbers, and the files of its tokenizer."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import jax
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file

import runner
from runner.export.export import Report
from runner.failure import ExitCode, Failure
from runner.lora.adapters import freeze_base, inject_lora_params, param_filter
from schema.families import architecture_of
from schema.spec import Spec
from tests.runner.data.tokenizer_folders import byte_level
from tests.runner.data.tokenizer_folders import folder as tokenizer_folder
from tests.runner.export.test_export import exported
from tests.runner.weights.model_folders import LLAMA_4, LLAMA_5, MISTRAL, QWEN3, tensors_of, write_tensors

TYPES: dict[str, Any] = {"float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
MODELS: dict[str, dict[str, Any]] = {
    "llama, biases": LLAMA_4,
    "llama, tied": {**LLAMA_5, "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False},
    "mistral": MISTRAL,
    "qwen3, tied": QWEN3,
    "qwen3, biases": {**QWEN3, "tie_word_embeddings": False, "attention_bias": True},
}


def source(place: Path, name: str, dtype: str, shards: int = 3) -> Path:
    """A model's folder in several files, with a tokenizer; its numbers are of all sizes, −0 and subnormal ones too."""
    tensors = tensors_of(MODELS[name], TYPES[dtype])
    for tensor in tensors.values():
        tensor.reshape(-1)[:4] = np.array([-0.0, 3e-8, -60000.0, 1e-3], np.float32).astype(TYPES[dtype])
    folder = write_tensors(place, {**MODELS[name], "max_position_embeddings": 90, "eos_token_id": 5}, tensors, shards)
    tokenizer_folder(folder, byte_level(), tokenizer_config={"eos_token": "</s>"}, special_tokens_map={})
    (folder / "chat_template.jinja").write_bytes(b"{{ messages }}\r\n")
    return folder


def tensors_in(folder: Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Type, shape and bits of every tensor of a folder."""
    read = {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()}
    return {name: (tensor.dtype.name, tensor.shape, tensor.tobytes()) for name, tensor in read.items()}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, "bfloat16") for name in MODELS), ("llama, biases", "float32"), ("qwen3, tied", "float16")],
)
def test_what_is_imported_and_exported_is_the_source(name: str, dtype: str, tmp_path: Path) -> None:
    folder = source(tmp_path / "source", name, dtype)
    _, variables = runner.load_pretrained(folder, dtype)
    runner.save_pretrained(tmp_path / "copy", variables, folder)
    assert tensors_in(tmp_path / "copy") == tensors_in(folder)
    for path in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"):
        assert (tmp_path / "copy" / path).read_bytes() == (folder / path).read_bytes()
    config = json.loads((tmp_path / "copy/config.json").read_text())
    assert architecture_of(config) == architecture_of(MODELS[name])
    assert (config["max_position_embeddings"], config["eos_token_id"], config["dtype"]) == (90, 5, dtype)
    assert json.loads((tmp_path / "copy/generation_config.json").read_text()) == {"eos_token_id": 5}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "source"]


@pytest.fixture
def unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the proof by logits out, which takes two seconds."""
    monkeypatch.setattr("runner.export.export._Export.prove", lambda *_: Report((), None))


def untrained(folder: Path, name: str, types: dict[str, str], dtype: str, out: Path) -> Report:
    """Export a phase lora of no steps on the model: its B is zero."""
    spec = Spec.model_validate(
        {
            "architecture": {**architecture_of(MODELS[name]), "dtype": types, "block_size": 16},
            "optimization": {"lora": {"rank": 2, "target_modules": ["attn"]}},
            "export": {"dtype": dtype},
        }
    )
    params = freeze_base(runner.load_pretrained(folder, types["param"])[1]["params"], types["activation"])
    a, b = inject_lora_params(params, param_filter(params, ["attn"]), 2, jax.random.key(1))
    tokens = np.random.default_rng(2).integers(0, 61, (2, 16), np.int32)
    return exported(out, spec, {"params": params, "lora_A": a, "lora_B": b}, tokens)


@pytest.mark.parametrize(
    ("own", "types", "dtype"),
    [
        ("float32", {"param": "float32", "activation": "float32"}, "float32"),
        ("bfloat16", {"param": "float32", "activation": "bfloat16"}, "bfloat16"),  # widened, and rounded to itself
        ("float16", {"param": "float16", "activation": "float32"}, "float16"),
    ],
)
def test_base_and_merged_of_a_run_that_learned_nothing_are_the_source(
    own: str, types: dict[str, str], dtype: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Where types hold the source's numbers, and export/dtype is the source's: −0 alone is +0 in merged weights."""
    if own != "bfloat16":
        request.getfixturevalue("unproven")
    folder = source(tmp_path / "source", "qwen3, tied", own)
    report = untrained(folder, "qwen3, tied", types, dtype, tmp_path)
    wanted = tensors_in(folder)
    assert tensors_in(tmp_path / "export/base") == wanted
    merged = tensors_in(tmp_path / "export/merged")
    assert merged.keys() == wanted.keys()
    for name, (kind, shape, bits) in merged.items():
        one, other = np.frombuffer(bits, TYPES[kind]), np.frombuffer(wanted[name][2], TYPES[own])
        assert (kind, shape, (one == other).all()) == (own, wanted[name][1], True)
    assert all(part.difference.max_abs_diff == 0 for part in report.parts)


@pytest.mark.usefixtures("unproven")
def test_types_that_do_not_hold_the_numbers_round_matrices_once(tmp_path: Path) -> None:
    """float32 weights under bfloat16 activations are frozen as bfloat16; norms and biases keep dtype/param."""
    folder = source(tmp_path / "source", "llama, biases", "float32")
    untrained(folder, "llama, biases", {"param": "float32", "activation": "bfloat16"}, "float32", tmp_path)
    wanted, found = tensors_in(folder), tensors_in(tmp_path / "export/base")
    assert {name: each[:2] for name, each in found.items()} == {name: each[:2] for name, each in wanted.items()}
    for name, (_, shape, bits) in found.items():
        own = np.frombuffer(wanted[name][2], np.float32)
        rounded = own.astype(ml_dtypes.bfloat16).astype(np.float32) if len(shape) == 2 else own
        assert bits == rounded.tobytes()


def test_nothing_is_left_of_a_copy_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = source(tmp_path / "source", "mistral", "float32", shards=1)
    _, variables = runner.load_pretrained(folder)

    def refused(says: str, code: ExitCode, variables: Any = variables, of: Path = folder) -> None:
        with pytest.raises(Failure, match=says) as e:
            runner.save_pretrained(tmp_path / "copy", variables, of)
        assert (e.value.exit_code, sorted(path.name for path in tmp_path.iterdir())) == (code, ["source"])

    refused("it has no config.json", ExitCode.INVALID, of=tmp_path)
    refused("not those of the model", ExitCode.INVALID, {})
    refused("not those of the model", ExitCode.INVALID, {**variables, "lora_A": {}})
    refused("not those of the model", ExitCode.INVALID, {"params": {"wte": variables["params"]["wte"]}})
    with pytest.raises(Failure, match="source is there already; name a new folder"):
        runner.save_pretrained(folder, variables, folder)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("runner.huggingface.tensors.save_file", full)
        refused("the disk is full: the model takes about", ExitCode.STORAGE)
    monkeypatch.setattr("runner.export.pretrained.read_model", lambda *_: [("wte/embedding", np.zeros(3))])
    refused("wte/embedding is read back as something else", ExitCode.EXPORT)
