"""Folders of Hugging Face models: what is read of them, and which are refused; `test_transformers.py` computes."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from runner.failure import ExitCode, Failure
from runner.weights import find_weights
from runner.weights.pretrained import load_pretrained
from schema.document import other_architecture
from schema.families import ConfigError, architecture_of
from schema.sections.architecture import Architecture
from tests.runner.weights.model_folders import LLAMA_4, LLAMA_5, MISTRAL, QWEN3, tensors_of, write_folder


def test_weights_are_bit_for_bit_those_of_the_files(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model", LLAMA_4, shards=3)
    _, variables = load_pretrained(folder)
    tensors = {name: array for path in folder.glob("*.safetensors") for name, array in load_file(path).items()}
    blocks = variables["params"]["blocks"]
    for layer in range(3):
        gate = tensors[f"model.layers.{layer}.mlp.gate_proj.weight"]
        assert (np.asarray(blocks["mlp"]["gate_proj"]["kernel"][layer]) == gate.T).all()
        bias = tensors[f"model.layers.{layer}.self_attn.k_proj.bias"]
        assert (np.asarray(blocks["attn"]["k_proj"]["bias"][layer]) == bias).all()
    assert (np.asarray(variables["params"]["wte"]["embedding"]) == tensors["model.embed_tokens.weight"]).all()
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(variables))


def test_a_type_that_is_asked_is_that_of_every_weight(tmp_path: Path) -> None:
    _, variables = load_pretrained(write_folder(tmp_path / "model", QWEN3), dtype="bfloat16")
    assert {leaf.dtype.name for leaf in jax.tree.leaves(variables)} == {"bfloat16"}


def test_tensors_that_nothing_is_computed_from_are_passed_over(tmp_path: Path) -> None:
    extra = {
        "model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(4, np.float32),
        "lm_head.weight": tensors_of(QWEN3)["model.embed_tokens.weight"],  # a copy of what it is tied to
    }
    plain, more = write_folder(tmp_path / "plain", QWEN3), write_folder(tmp_path / "more", QWEN3, extra=extra)
    one, other = (load_pretrained(folder)[1] for folder in (plain, more))
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), one, other))


def test_a_head_that_differs_from_what_it_is_tied_to_is_refused(tmp_path: Path) -> None:
    for head in (np.ones((61, 24), np.float32), np.ones((60, 24), np.float32)):
        folder = write_folder(tmp_path / str(len(head)), QWEN3, extra={"lm_head.weight": head})
        with pytest.raises(Failure, match=r"config.json ties the head to the embedding, and lm_head.weight is another"):
            load_pretrained(folder)


def test_tensors_that_are_no_floats_and_names_that_lead_out_are_refused(tmp_path: Path) -> None:
    whole = write_folder(tmp_path / "whole", LLAMA_4)
    tensors = load_file(whole / "model.safetensors")
    save_file({**tensors, "model.norm.weight": np.ones(24, np.int8)}, whole / "model.safetensors")
    with pytest.raises(Failure, match=r"model.norm.weight has the type I8, and one of F32, F16, BF16, F64 is wanted"):
        load_pretrained(whole)
    shards = write_folder(tmp_path / "shards", LLAMA_4, shards=2)
    for places in ('{"a": "../whole/model.safetensors"}', '["a"]', '{"a": 3}', '{"a": ""}', "[" * 9_000):
        (shards / "model.safetensors.index.json").write_text(f'{{"weight_map": {places}}}')
        with pytest.raises(Failure, match=r"index.json (names|can't be read)|is missing") as caught:
            load_pretrained(shards)
        assert caught.value.exit_code == ExitCode.STORAGE


def test_files_beside_the_model_are_not_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model", QWEN3)
    save_file({"strange": np.ones(2, np.float32)}, folder / "consolidated.safetensors")
    assert load_pretrained(folder)


VALUES = [None, True, "3", -1, 0, 1.5, float("nan"), 10**400, 2**62, [1], {"a": {}}]


@pytest.mark.parametrize("key", sorted({*LLAMA_5, *LLAMA_4, *QWEN3, "sliding_window", "layer_types", "hidden_act"}))
def test_any_value_of_a_config_gives_keys_that_the_section_takes_or_one_sentence(key: str) -> None:
    for config in (LLAMA_4, LLAMA_5, QWEN3, MISTRAL):
        for value in VALUES:
            try:
                found = architecture_of({**config, key: value})
            except ConfigError as error:
                assert "\n" not in str(error)
            else:
                Architecture.model_validate(found)


@pytest.mark.parametrize("name", ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"])
def test_a_scaling_of_llama3_is_whole_or_refused(name: str) -> None:
    scaling = {key: value for key, value in LLAMA_4["rope_scaling"].items() if key != name}
    config = {**LLAMA_4, "rope_scaling": scaling}
    if name.startswith("original"):  # then the length of the model is meant
        with pytest.raises(ConfigError, match="original_max_position_embeddings is None"):
            architecture_of(config)
        known = architecture_of({**config, "max_position_embeddings": 4096})
        assert known["rope_scaling"]["original_max_position_embeddings"] == 4096
        return
    with pytest.raises(ConfigError, match=f"{name} is None, and a number above 0 is wanted"):
        architecture_of(config)


def test_both_forms_of_a_config_say_the_same() -> None:
    assert architecture_of(LLAMA_4) == architecture_of(LLAMA_5)
    old = {**MISTRAL, "rope_scaling": {"type": "linear", "factor": 2.0}}
    assert architecture_of(old)["rope_scaling"]["rope_type"] == "linear"


def test_unset_keys_of_a_spec_mean_what_their_family_makes_of_them() -> None:
    theirs = architecture_of(MISTRAL)
    own = {**theirs, "n_kv_head": None, "head_dim": None, "attention_bias": None, "mlp_bias": None}
    whole = Architecture.model_validate(own).model_dump(mode="json")
    assert other_architecture(theirs, whole) == ()
    (change,) = other_architecture(theirs, {**whole, "n_kv_head": 1})
    assert str(change) == "architecture/n_kv_head was 3, is 1"
    assert other_architecture(theirs, {**whole, "n_head": 5})  # heads that don't divide are told by a rule


def damage(folder: Path, how: str) -> None:
    config, weights = folder / "config.json", sorted(folder.glob("*.safetensors"))
    tensors = load_file(weights[0])
    name = "model.layers.1.mlp.up_proj.weight"
    if how == "a shard is missing":
        weights[-1].unlink()
    elif how == "a shard is cut":
        weights[0].write_bytes(weights[0].read_bytes()[:-50])
    elif how == "a tensor is missing":
        save_file({key: value for key, value in tensors.items() if key != name}, weights[0])
    elif how == "a tensor has another shape":
        save_file({**tensors, name: tensors[name][:, :-1].copy()}, weights[0])
    elif how == "a tensor is strange":
        save_file({**tensors, "model.layers.0.mlp.experts.weight": tensors[name]}, weights[0])
    elif how == "a tensor is there twice":
        save_file({**load_file(weights[1]), min(tensors): tensors[min(tensors)]}, weights[1])
    elif how == "pickles":
        weights[0].rename(folder / "pytorch_model.bin")
    elif how == "no weights":
        weights[0].unlink()
    elif how == "no JSON":
        config.write_text("{")
    elif how == "too deep":
        config.write_text("[" * 9_000)
    else:
        config.write_text(json.dumps(json.loads(config.read_text()) | json.loads(how)))


@pytest.mark.parametrize(
    ("how", "says", "code"),
    [
        ("a shard is missing", r"model-00003-of-00003.safetensors is missing; get the whole", ExitCode.STORAGE),
        ("a shard is cut", r"model-00001-of-00003.safetensors can't be read", ExitCode.STORAGE),
        ("a tensor is missing", r"the tensor model.layers.1.mlp.up_proj.weight is missing", ExitCode.STORAGE),
        ("a tensor has another shape", r"has the shape \(40, 23\), and \(40, 24\) is wanted", ExitCode.STORAGE),
        (
            "a tensor is strange",
            r"mlp.experts.weight belongs to no parameter of LlamaForCausalLM",
            ExitCode.STORAGE,
        ),
        (
            "a tensor is there twice",
            r"lm_head.weight is in model-00001-of-00003.safetensors and in model-00002-of-00003.safetensors",
            ExitCode.STORAGE,
        ),
        ("pickles", r"\.bin files, which are pickles and are never read; save", ExitCode.INVALID),
        ("no weights", r"neither model.safetensors nor model.safetensors.index.json", ExitCode.STORAGE),
        ("no JSON", r"cannot read .*config.json", ExitCode.STORAGE),
        ("too deep", r"cannot read .*config.json", ExitCode.STORAGE),
        ('{"num_hidden_layers": 1000000000}', r"has 1000000000 layers, and there are 51 tensors", ExitCode.STORAGE),
        ('{"rope_scaling": {"rope_type": "linear", "factor": 0.5}}', r"factor is 0.5, and a number", ExitCode.INVALID),
        ('{"model_type": "phi3"}', r"model_type 'phi3' is not one of llama, mistral, qwen3", ExitCode.INVALID),
        ('{"rope_scaling": {"rope_type": "dynamic"}}', r"scaled by 'dynamic', which no family", ExitCode.INVALID),
        ('{"hidden_act": "gelu"}', r"hidden_act 'gelu' is not silu", ExitCode.INVALID),
        ('{"quantization_config": {}}', r"the weights are quantised", ExitCode.INVALID),
        ('{"num_hidden_layers": "3"}', r"num_hidden_layers is '3', and a whole number from 1", ExitCode.INVALID),
        ('{"layer_types": ["sliding_attention"]}', r"has a sliding window", ExitCode.INVALID),
    ],
)
def test_a_folder_that_is_damaged_or_of_another_model_is_refused(
    how: str, says: str, code: ExitCode, tmp_path: Path
) -> None:
    one_file = how in ("pickles", "no weights", "a tensor is missing", "a tensor has another shape")
    folder = write_folder(tmp_path / "model", LLAMA_4, shards=1 if one_file or "strange" in how else 3)
    damage(folder, how)
    with pytest.raises(Failure, match=says) as caught:
        load_pretrained(folder)
    assert caught.value.exit_code == code


def test_a_window_that_mistral_has_by_default_is_refused() -> None:
    with pytest.raises(ConfigError, match="sliding window"):
        architecture_of({name: value for name, value in MISTRAL.items() if name != "sliding_window"})


def test_a_folder_without_a_config_is_no_model(tmp_path: Path) -> None:
    assert find_weights(tmp_path) is None
    with pytest.raises(Failure, match=r"is no folder of a model: it has no config.json") as caught:
        load_pretrained(tmp_path / "nowhere")
    assert caught.value.exit_code == ExitCode.INVALID


def test_the_identity_is_that_of_the_files(tmp_path: Path) -> None:
    one, same = (write_folder(tmp_path / name, LLAMA_4, shards=2) for name in ("one", "same"))
    other = write_folder(tmp_path / "other", {**LLAMA_4, "rope_theta": 501.0}, shards=2)
    digests = [source.identity() for source in map(find_weights, (one, same, other)) if source is not None]
    assert digests[0] == digests[1] != digests[2]
