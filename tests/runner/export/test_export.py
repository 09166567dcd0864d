"""An export is the trained model in other programs' files: each part, in every shape, computed by another program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import unflatten_dict
from safetensors.numpy import load_file

from runner.data.loader import Batch
from runner.export.export import Report, Trained, export_run
from runner.failure import ExitCode, Failure
from runner.huggingface import read_model, write_model
from runner.huggingface.tensors import write_shards
from runner.lora.adapters import freeze_base, inject_lora_params, param_filter
from runner.models import Decoder
from schema.budget.bytes import export_bytes
from schema.families import HuggingFace, adapters, load_family, parameters
from schema.spec import Spec
from tests.runner.export.huggingface_reference import Folder, logits_of
from tests.runner.tiny_run import in_float64, make_spec, model_of, one_device, random_batch, start

SHAPES: dict[str, dict[str, Any]] = {
    "rotary": {},
    "grouped queries": {"architecture": {"n_kv_head": 2}, "lora": {"target_modules": ["attn", "mlp"]}},
    "no biases": {"architecture": {"bias": False, "rope_theta": 500.0}, "lora": {"scaling": "rslora"}},
    "tied": {"architecture": {"tie_embeddings": True}, "lora": {"target_modules": ["wte", "k_proj"], "alpha": 3.5}},
    "tied, but no adapter there": {"architecture": {"tie_embeddings": True}, "lora": {"target_modules": ["mlp"]}},
    "learned positions": {"architecture": {"rope": False, "n_layers": 3}},
    "learned positions, all adapted": {
        "architecture": {"rope": False, "n_kv_head": 1, "bias": False, "intermediate_size": 40},
        "lora": {"target_modules": ["e"], "rank": 3},
    },
    "learned positions, nothing else adapted": {
        "architecture": {"rope": False},
        "lora": {"target_modules": ["wpe"]},
    },
    "learned positions, tied": {
        "architecture": {"rope": False, "tie_embeddings": True},
        "lora": {"target_modules": ["embedding", "kernel"]},
    },
    "llama, all options": {
        "architecture": {
            "family": "llama",
            "bias": True,
            "head_dim": 6,
            "tie_embeddings": True,
            "norm_eps": 1e-3,
            "rope_scaling": {"rope_type": "linear", "factor": 2.5},
        },
        "lora": {"target_modules": ["wte", "gate_proj", "o_proj"]},
    },
    "qwen3": {
        "architecture": {
            "family": "qwen3",
            "n_head": 3,
            "n_kv_head": 1,
            "head_dim": 10,
            "attention_bias": True,
            "rope_theta": 50.0,
            "rope_scaling": {"rope_type": "llama3", "factor": 4.0, "original_max_position_embeddings": 9},
        },
        "lora": {"target_modules": "all-linear"},
    },
}


IN_SHORT = ["grouped queries", "learned positions, tied"]  # what a quick look at the export takes


def spec_of(shape: dict[str, Any], **export: Any) -> Spec:
    lora = {"target_modules": ["kernel"], "alpha": 8.0, **shape.get("lora", {})}
    spec = make_spec(shape.get("architecture", {}), lora=lora)
    return Spec.model_validate({**spec.model_dump(), "export": export})


def trained(spec: Spec, size: float = 0.1) -> tuple[Decoder, dict[str, Any]]:
    """A model whose biases are not zero, and adapters whose B has entries of this size."""
    model, state = model_of(spec), start(spec).state
    params = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf + 0.1 * jnp.cos(jnp.arange(leaf.size) + len(path)).reshape(leaf.shape), state.params
    )
    lora = spec.optimization.lora
    a, b = inject_lora_params(params, param_filter(params, lora.target_modules), lora.rank, jax.random.key(1))
    b = jax.tree.map(lambda leaf: size * jax.random.normal(jax.random.key(leaf.size), leaf.shape), b)
    base = freeze_base(params, spec.architecture.dtype.activation)
    return model, {"params": base, "lora_A": a, "lora_B": b}


def zeros(spec: Spec) -> dict[str, Any]:
    """The variables of a phase lora, each of its shape and zero: nothing is compiled."""
    every, lora = parameters(spec.architecture), spec.optimization.lora
    flat = {f"params/{each.path}": np.zeros(each.shape, np.float32) for each in every}
    flat |= {each.path: np.zeros(each.shape, np.float32) for each in adapters(every, lora.target_modules, lora.rank)}
    found: dict[str, Any] = unflatten_dict(flat, sep="/")
    return found


def exported(
    folder: Path, spec: Spec, variables: dict[str, Any], tokens: Any, mask: Any = None, tokenizer: str = "byte"
) -> Report:
    mask = np.ones(tokens.shape, np.float32) if mask is None else mask
    batch = Batch(tokens, tokens, mask, step=1, digest="", ledger={})
    facts = {"weights_digest": "w", "base_digest": None, "export": spec.export.model_dump(mode="json")}
    special = {"eos_token_id": 59, "pad_token_id": 60}
    return export_run(folder, spec, one_device(), Trained(variables, facts, special, tokenizer, {}), batch)


@pytest.mark.parametrize(
    "shape", [*IN_SHORT, *(pytest.param(shape, marks=pytest.mark.slow) for shape in SHAPES if shape not in IN_SHORT)]
)
def test_other_programs_compute_the_trained_model_from_an_export(
    shape: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    spec = spec_of(SHAPES[shape])
    model, variables = trained(spec)
    tokens = random_batch(spec, 3)["tokens"]
    report = exported(tmp_path, spec, variables, tokens)
    request.getfixturevalue("float64")  # from here on
    wide = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables)
    wanted = np.asarray(in_float64(model).apply(wide, tokens))
    merged = logits_of(Folder(tmp_path / "export/merged"), tokens)
    adapted = logits_of(Folder(tmp_path / "export/base", tmp_path / "export/adapter"), tokens)
    base = logits_of(Folder(tmp_path / "export/base"), tokens)
    # Of base and adapter nothing is rounded, but for a table of positions, which is merged. W + A @ B is rounded to
    # 2^-24 of itself, and LayerNorm of small activations enlarges that.
    positions = variables["lora_A"].get("wpe", {}).get("embedding") is not None
    np.testing.assert_allclose(adapted, wanted, rtol=0, atol=2e-5 if positions else 1e-9)
    np.testing.assert_allclose(merged, wanted, rtol=0, atol=2e-5)
    assert np.abs(base - wanted).max() > 0.02
    assert report.adapters_effect is not None
    # The probe takes one row after the other, in the model's own float32.
    assert report.adapters_effect.max_abs_diff == pytest.approx(np.abs(base - wanted).max(), rel=1e-2)
    assert [part.name for part in report.parts] == ["merged", "adapter"]
    assert_planned(tmp_path, spec, has_adapters=True)
    assert all(part.difference.is_exact and part.difference.top1_agreement == 1 for part in report.parts)


def assert_planned(folder: Path, spec: Spec, has_adapters: bool) -> None:
    """What is planned is every byte of the tensors, and nearly all that the export takes on the disk."""
    planned = export_bytes(spec.architecture, spec.optimization.lora, spec.export, has_adapters)
    files = list(folder.rglob("*.safetensors"))
    assert planned == sum(tensor.nbytes for file in files for tensor in load_file(file).values())
    taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert planned < taken < planned * 1.02 + 40_000  # of each folder, 7 kB are its tokenizer


@pytest.mark.parametrize("shape", SHAPES)
def test_the_bytes_of_base_and_adapter_are_planned_in_sixteen_bits(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "runner.export.export._Export.prove", lambda *_: Report((), None)
    )  # of zeros there is nothing to prove
    spec = spec_of(SHAPES[shape], merged=False, dtype="bfloat16")
    exported(tmp_path, spec, zeros(spec), random_batch(spec, 3)["tokens"])
    assert_planned(tmp_path, spec, has_adapters=True)


def test_a_model_without_adapters_is_one_folder(tmp_path: Path) -> None:
    spec = spec_of({})
    model, variables = trained(spec)
    tokens = random_batch(spec, 3)["tokens"]
    report = exported(tmp_path, spec, {"params": variables["params"]}, tokens)
    assert_planned(tmp_path, spec, has_adapters=False)
    assert [path.name for path in sorted((tmp_path / "export").iterdir())] == ["manifest.json", "merged"]
    assert (report.adapters_effect, report.parts[0].unchanged) == (None, None)
    wanted = model.apply({"params": variables["params"]}, tokens)
    # The model's own float32: LayerNorm of small activations enlarges what its sums round.
    np.testing.assert_allclose(logits_of(Folder(tmp_path / "export/merged"), tokens), wanted, rtol=0, atol=1e-4)


def test_sixteen_bits_that_lose_the_adapters_are_refused_unless_accepted(tmp_path: Path) -> None:
    spec = spec_of({}, dtype="bfloat16")
    _, variables = trained(spec, size=1e-5)
    tokens = random_batch(spec, 3)["tokens"]
    with pytest.raises(
        Failure, match="without any adapter: rounding drowns what the adapters do; write export/dtype: float32"
    ) as e:
        exported(tmp_path, spec, variables, tokens)
    assert e.value.exit_code == ExitCode.EXPORT
    assert list(tmp_path.iterdir()) == []
    accepted = exported(tmp_path, spec_of({}, dtype="bfloat16", accept_lossy=True), variables, tokens)
    unchanged = accepted.parts[0].unchanged
    assert unchanged is not None
    assert unchanged > 0.9


def test_sixteen_bits_that_hold_the_model_are_taken(tmp_path: Path) -> None:
    spec = spec_of({"architecture": {"dtype": {"activation": "bfloat16"}}}, dtype="bfloat16", merged=False)
    _, variables = trained(spec)
    variables["params"] = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), variables["params"])
    (part,) = exported(tmp_path, spec, variables, random_batch(spec, 3)["tokens"]).parts
    config = json.loads((tmp_path / "export/base/config.json").read_text())
    assert (part.name, part.difference.is_exact, config["torch_dtype"]) == ("adapter", True, "bfloat16")


def test_a_tensor_that_the_class_does_not_have_is_refused(tmp_path: Path) -> None:
    spec = spec_of({})
    write_shards(tmp_path, [("model.layers.0.self_attn.rotary_emb.inv_freq", np.zeros(2, np.float32))])
    with pytest.raises(ValueError, match=r"inv_freq is no tensor of Starcoder2ForCausalLM"):
        next(read_model(tmp_path, hugging_face_of(spec), parameters(spec.architecture)))


def test_large_models_are_written_in_shards_with_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of({})
    params = trained(spec)[1]["params"]
    flat = {path: np.asarray(array) for path, array in _flat(params).items()}

    def small(folder: Path, tensors: Any) -> None:
        write_shards(folder, tensors, 20_000)

    monkeypatch.setattr("runner.huggingface.model.write_shards", small)
    every, names = parameters(spec.architecture), hugging_face_of(spec)
    write_model(tmp_path, names, every, lambda path, at: flat[path] if at is None else flat[path][at], {})
    files = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert len(files) > 3
    assert files == [f"model-{n:05}-of-{len(files):05}.safetensors" for n in range(1, len(files) + 1)]
    assert set(index["weight_map"].values()) == set(files)
    assert index["metadata"]["total_size"] == sum(array.nbytes for array in flat.values())
    for path, array in read_model(tmp_path, names, every):
        np.testing.assert_array_equal(array, flat[path])


def hugging_face_of(spec: Spec) -> HuggingFace:
    return load_family(spec.architecture.family).hugging_face(spec.architecture)


def _flat(tree: Any) -> dict[str, Any]:
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in jax.tree.leaves_with_path(tree)
    }
