"""A run that starts from a Hugging Face folder: config.json gives the architecture, its weights are the first ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import numpy as np
import pytest
from safetensors.numpy import load_file

from runner.data.stores.meta import store_folder
from runner.files.digested_json import read_json
from schema.document import read_adapter_config
from schema.lint import lint_text
from tests.runner.weights.model_folders import LLAMA_4, write_folder
from tests.runner.weights.test_huggingface_folder import damage
from tests.runner.workplace import SPEC, fill, lorarun

CONFIG = {**LLAMA_4, "vocab_size": 320, "max_position_embeddings": 4096, "bos_token_id": 7, "eos_token_id": 9}
START = SPEC.replace(
    SPEC.splitlines()[0], "architecture: {pretrained: model, block_size: 32, dtype: {activation: float32}}"
)
LORA_ALONE = START.replace("pre_lora_tokens: [256] # lorarun: ignore[phase-too-short]", "pre_lora_tokens: []").replace(
    "pre_lora_dataset: [[{name: tales, rate: 1.0, style: PADDED}]]", "pre_lora_dataset: []"
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model, a spec that trains adapters alone on it, and data."""
    fill(tmp_path)
    (tmp_path / "spec.yaml").write_text(LORA_ALONE)
    write_folder(tmp_path / "model", CONFIG, shards=2)
    (tmp_path / "model/generation_config.json").write_text('{"eos_token_id": [9, 8], "top_k": 5}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def architecture(text: str) -> Any:
    document = lint_text(text, "spec.yaml").document
    assert document is not None
    return document.value("architecture")


def test_the_keys_that_a_spec_leaves_out_are_those_of_the_config(here: Path) -> None:
    found = architecture(LORA_ALONE)
    assert (found["family"], found["n_embd"], found["n_layers"], found["head_dim"]) == ("llama", 24, 3, 8)
    assert (found["block_size"], found["rope_scaling"]["rope_type"]) == (32, "llama3")


def test_the_plan_shows_the_model_of_the_folder(here: Path) -> None:
    (here / "model/model-00001-of-00002.safetensors").unlink()  # config.json alone is read
    done = lorarun(here, "plan", "spec.yaml")
    assert done.exit_code == 0, done.stderr
    assert "parameters     2,112 trained, 29,280 frozen\n" in done.stdout
    assert "blocks/mlp/gate_proj/kernel" in done.stdout


def test_a_plan_says_which_keys_differ_and_which_folder_is_not_here(here: Path) -> None:
    done = lorarun(here, "plan", "spec.yaml", "--set", "architecture/n_layers=2")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "error[LR512 pretrained-config]: architecture/n_layers is 2, and the model in model has 3" in done.stderr
    done = lorarun(here, "plan", "spec.yaml", "--set", "architecture/pretrained=modle")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "warning[LR513 pretrained-not-here]: modle is not here" in done.stderr
    assert "lorarun: architecture/pretrained modle is not here, and the plan hangs on it; plan where it" in done.stderr
    shape = [f"--set=architecture/{key}" for key in ("n_layers=3", "n_embd=24", "n_head=3")]
    done = lorarun(here, "plan", "spec.yaml", "--set", "architecture/pretrained=modle", *shape)
    assert "lorarun: architecture/pretrained modle is not here: the architecture is shown as the spec" in done.stderr


def test_a_folder_is_found_below_the_home_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    assert architecture(LORA_ALONE.replace("model", "~/model"))["n_layers"] == 3
    assert store_folder("~/stores", "tales", "") == here / "stores/tales"
    (here / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2, "lora_alpha": 2}')
    assert read_adapter_config("~").rank == 2


def test_the_home_of_nobody_is_a_folder_that_is_not_here(here: Path) -> None:
    (here / "spec.yaml").write_text(LORA_ALONE.replace("pretrained: model", "pretrained: ~nobody9/model"))
    assert "LR513 pretrained-not-here" in lorarun(here, "validate", "spec.yaml").stdout


def test_a_path_is_no_model_of_the_hub_however_it_is_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    shape = "family: llama, n_layers: 3, n_embd: 24, n_head: 3"
    for name, code in {"./models/llama": "LR609", "../models/llama": "LR609", "models/llama": "LR513"}.items():
        (here / "spec.yaml").write_text(LORA_ALONE.replace("pretrained: model", f"pretrained: {name}, {shape}"))
        assert f"[{code} " in lorarun(here, "validate", "--env", "spec.yaml").stdout, name


@pytest.mark.parametrize("model", ["owner/model", "./model-7b"])
def test_no_tokenizer_is_the_default_beside_a_model_that_is_not_here(model: str, here: Path) -> None:
    text = LORA_ALONE.replace("pretrained: model", f"pretrained: {model}").replace("tokenizer: {backend: byte}\n", "")
    text = text.replace("tales.jsonl}", "tales.jsonl, messages: messages}")
    found = {diagnostic.code for diagnostic in lint_text(text, "spec.yaml").diagnostics}
    assert "LR513" in found
    assert not found & {"LR010", "LR219"}
    (here / "spec.yaml").write_text(text)
    done = lorarun(here, "plan", "spec.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "architecture/n_head and tokenizer/backend" in done.stderr


def test_keys_that_differ_from_the_config_are_refused_by_name(here: Path) -> None:
    done = lorarun(here, "exec", "spec.yaml", "--set", "architecture/n_layers=2", "--set", "architecture/head_dim=6")
    assert (done.exit_code, done.changed) == (2, set())
    assert "LR512 pretrained-config]: architecture/n_layers is 2, and the model in model has 3" in done.stderr
    assert "LR512 pretrained-config]: architecture/head_dim is 6, and the model in model has 8" in done.stderr
    assert done.stderr.count("error[") == 2  # one cause, one finding
    again = lorarun(here, "validate", "--env", "spec.yaml", "--set", "architecture/n_layers=2")
    assert (again.exit_code, again.stdout.count("error[")) == (1, 1)


@pytest.mark.slow
def test_adapters_are_trained_on_the_weights_of_the_folder_and_exported_beside_them(here: Path) -> None:
    path = here / "model/model-00002-of-00002.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    refused = lorarun(here, "exec", "spec.yaml", "--run-dir", "run")
    assert (refused.exit_code, refused.changed) == (74, set())  # nothing is made of a damaged folder
    path.write_bytes(whole)
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "run")
    assert done.exit_code == 0, done.stderr
    assert "\nstarting run from model\n" in f"\n{done.stdout}"
    assert read_json(here / "run/run.json")["spec"]["architecture/family"] == "llama"
    read = {name: array for path in (here / "model").glob("*.safetensors") for name, array in load_file(path).items()}
    written = load_file(here / "run/export/base/model.safetensors")
    assert read.keys() == written.keys()
    assert all((np.asarray(read[name]) == written[name]).all() for name in read)  # float32 in, float32 out
    config = json.loads((here / "run/export/base/config.json").read_text())
    wanted = ("model_type", "hidden_size", "num_key_value_heads", "rope_theta", "attention_bias", "mlp_bias")
    assert {name: config[name] for name in wanted} == {name: CONFIG[name] for name in wanted}
    assert (config["max_position_embeddings"], config["bos_token_id"], config["pad_token_id"]) == (4096, 7, 257)
    assert config["rope_parameters"] == {**config["rope_scaling"], "rope_theta": CONFIG["rope_theta"]}
    assert config["dtype"] == config["torch_dtype"] == "float32"
    for part in ("base", "merged"):
        generation = json.loads((here / "run/export" / part / "generation_config.json").read_text())
        assert generation == {"bos_token_id": 7, "eos_token_id": [9, 8, 256], "pad_token_id": 257, "top_k": 5}
    note = json.loads((here / "run/export/adapter/lorarun.json").read_text())
    assert note["start"] == read_json(here / "run/run.json")["start"]
    adapter = json.loads((here / "run/export/adapter/adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == str(here / "run/export/base")
    readme = (here / "run/export/adapter/README.md").read_text()
    assert f"`{here}/run/export/base`" in readme and "After a move" in readme


def test_a_model_that_no_family_holds_is_refused_in_one_sentence(here: Path) -> None:
    (here / "model/config.json").write_text(json.dumps({**CONFIG, "model_type": "phi3"}))
    done = lorarun(here, "exec", "spec.yaml")
    assert (done.exit_code, done.changed) == (2, set())
    assert "'model/config.json' is of no model that can be trained here: model_type 'phi3' is not one" in done.stderr
    assert lorarun(here, "validate", "--env", "spec.yaml").stdout.count("error[") == 1


@pytest.mark.parametrize(
    ("how", "shards", "code", "says"),
    [
        ("a shard is missing", 3, 74, "model-00003-of-00003.safetensors is missing; get the whole folder"),
        ("a shard is cut", 3, 74, "model-00001-of-00003.safetensors can't be read: "),
        ("a tensor has another shape", 1, 74, "has the shape (40, 23), and (40, 24) is wanted; get the whole folder"),
        ("a tensor is missing", 1, 74, "the tensor model.layers.1.mlp.up_proj.weight is missing; get the whole folder"),
        ("a tensor is strange", 1, 74, "belongs to no parameter of LlamaForCausalLM; get the whole folder"),
        (
            "pickles",
            1,
            2,
            "model holds .bin files, which are pickles and are never read; save the model as safetensors",
        ),
        (
            '{"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}',
            1,
            2,
            "scaled by 'dynamic', which no family here",
        ),
    ],
)
def test_a_run_makes_nothing_of_a_bad_folder(how: str, shards: int, code: int, says: str, here: Path) -> None:
    shutil.rmtree(here / "model")
    damage(write_folder(here / "model", CONFIG, shards=shards), how)
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "run")
    assert (done.exit_code, done.changed) == (code, set())
    assert sum(says in line for line in done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
