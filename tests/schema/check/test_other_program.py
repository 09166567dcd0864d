"""A file of another program is one finding: axolotl, torchtune, Docker Compose (the instances), and every other one."""

from __future__ import annotations

import re

import pytest

from schema.check.other_program import SLUG
from schema.check.programs import PROGRAMS, Program
from schema.document import load_schema
from schema.lint import accepted, lint_text
from schema.text.diagnostic import Diagnostic, SpecError
from tests.schema.goldens import SPECS

# By the name of the program: the start of a file as its users write one, and a row of the table that follows.
EXAMPLES = {
    "axolotl": ("base_model: a/b\nadapter: qlora\nload_in_4bit: true\nmicro_batch_size: 2\nlora_r: 8\n", "lora_r: 8"),
    "LLaMA-Factory": (
        "model_name_or_path: a/b\nstage: sft\nfinetuning_type: lora\ntemplate: llama3\ncutoff_len: 1024\n",
        "cutoff_len: 1024",
    ),
    "TRL": (
        "model_name_or_path: a/b\ndataset_name: c/d\nuse_peft: true\nlora_r: 16\n"
        "learning_rate: 2.0e-4\npacking: true\n",
        "learning_rate: 2.0e-4",
    ),
    "the TrainingArguments of transformers": (
        "output_dir: out\nnum_train_epochs: 1\nper_device_train_batch_size: 8\nwarmup_steps: 10\nsave_steps: 100\n",
        "save_steps: 100",
    ),
    "PEFT (an adapter_config.json)": (
        '{"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 16, "bias": "none",\n'
        '"base_model_name_or_path": "a/b", "target_modules": ["q_proj"]}\n',
        "r: 8",
    ),
    "MaxText": (
        "base_config: base.yml\nrun_name: r\nbase_emb_dim: 2048\nbase_num_decoder_layers: 16\nsteps: 100\n"
        "per_device_batch_size: 4\nmax_target_length: 2048\nenable_checkpointing: true\n",
        "base_emb_dim: 2048",
    ),
    "mlx-lm": (
        "model: a/b\ntrain: true\nfine_tune_type: lora\ndata: data\niters: 100\nlora_parameters: {rank: 8}\n",
        "lora_parameters/rank: 8",
    ),
    "mergekit": ("models: [{model: a/b}, {model: c/d}]\nmerge_method: linear\ndtype: bfloat16\n", ""),
    "accelerate": (
        "compute_environment: LOCAL_MACHINE\ndistributed_type: FSDP\nnum_processes: 8\n",
        "num_processes: 8",
    ),
    "transformers (a model's config.json)": (
        '{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2,\n'
        '"num_attention_heads": 4, "vocab_size": 99}',
        "hidden_size: 64",
    ),
    "torchtune": (
        "tokenizer:\n  _component_: t\nmodel:\n  _component_: m\n  lora_rank: 8\nepochs: 1\n",
        "model/lora_rank: 8",
    ),
    "Levanter": (
        "data: {train_urls: [a], cache_dir: c, tokenizer: gpt2}\nmodel: {type: gpt2, hidden_dim: 32}\n"
        "trainer: {mp: f32, num_train_steps: 100, train_batch_size: 32}\noptimizer: {learning_rate: 1e-3}\n",
        "trainer/train_batch_size: 32",
    ),
    "Levanter (a data file)": ("id: a/b\ncache_dir: c\ntokenizer: gpt2\n", "tokenizer: gpt2"),
    "litgpt": (
        "checkpoint_dir: a/b\nout_dir: out\nprecision: bf16-true\nlora_r: 32\nlora_query: true\n"
        "train: {epochs: 2, global_batch_size: 8}\ndata: {class_path: Alpaca}\neval: {interval: 100}\n",
        "eval/interval: 100",
    ),
    "NeMo": (
        "trainer: {devices: 8, num_nodes: 1, precision: bf16, max_steps: 100}\nexp_manager: {name: n}\n"
        "model: {micro_batch_size: 1, global_batch_size: 128, restore_from_path: a.nemo}\n",
        "model/global_batch_size: 128",
    ),
    "NeMo AutoModel": (
        "step_scheduler: {global_batch_size: 64}\nmodel: {_target_: a, pretrained_model_name_or_path: a/b}\n"
        "peft: {_target_: p, dim: 8}\noptimizer: {_target_: o, lr: 1.0e-4}\ndist_env: {backend: nccl}\n",
        "peft/dim: 8",
    ),
    "PyTorch Lightning": (
        "seed_everything: 1\ntrainer: {max_epochs: 3, accelerator: gpu}\nmodel: {class_path: m}\n",
        "",
    ),
    "LLM Foundry": (
        "model: {name: mpt_causal_lm}\ntokenizer: {name: gpt2}\nmax_duration: 10ba\neval_interval: 1ep\n"
        "train_loader: {name: text}\nglobal_train_batch_size: 256\nscheduler: {name: cosine_with_warmup}\n",
        "global_train_batch_size: 256",
    ),
    "Ludwig": ("input_features: [{name: a}]\noutput_features: [{name: b}]\nbase_model: a/b\n", "base_model: a/b"),
    "verl": ("data: {train_files: a}\nactor_rollout_ref: {hybrid_engine: true}\n", ""),
    "DeepSpeed": ('{"zero_optimization": {"stage": 2}, "gradient_clipping": 1.0}', "gradient_clipping: 1.0"),
    "Docker Compose": ("services:\n  db: {image: redis}\n", ""),
    "Kubernetes": ("apiVersion: batch/v1\nkind: Job\nmetadata: {name: train}\n", ""),
    "Helm (a Chart.yaml)": ("apiVersion: v2\nname: train\nversion: 0.1.0\n", ""),
    "GitHub Actions (a workflow)": ("on: push\njobs:\n  test: {runs-on: ubuntu-latest, steps: []}\n", ""),
    "GitHub Actions (an action)": ("name: a\nruns: {using: composite, steps: []}\n", ""),
    "GitLab CI": ("stages: [test]\ntests: {stage: test, script: [make]}\n", ""),
    "pre-commit": ("repos:\n- repo: local\n  hooks: []\n", ""),
    "conda (an environment)": ("name: e\nchannels: [conda-forge]\ndependencies: [python]\n", ""),
    "SkyPilot": ("resources: {accelerators: 'H100:8'}\nrun: lorarun exec spec.yaml\n", ""),
    "DVC": ("stages:\n  train: {cmd: lorarun exec spec.yaml}\n", ""),
    "MkDocs": ("site_name: docs\nnav: [index.md]\n", ""),
    "OpenAPI": ("openapi: 3.1.0\npaths: {}\n", ""),
    "Weights & Biases (a sweep)": ("program: train.py\nmethod: bayes\nparameters: {lr: {values: [1, 2]}}\n", ""),
    "the Language Model Evaluation Harness": ("task: mine\ndataset_path: a/b\noutput_type: loglikelihood\n", ""),
    "transformers (a tokenizer_config.json)": ('{"tokenizer_class": "GPT2Tokenizer", "model_max_length": 1024}', ""),
    "transformers (a generation_config.json)": ('{"eos_token_id": 0, "transformers_version": "4.50.0"}', ""),
    "npm (a package.json)": ('{"name": "a", "version": "1.0.0", "scripts": {}}', ""),
}
BASE = (SPECS / "ok" / "base.yaml").read_text(encoding="utf-8")


def told(text: str) -> list[Diagnostic]:
    return [found for found in lint_text(text, "s").diagnostics if found.slug == SLUG]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_file_of_a_program_is_one_finding_with_what_its_keys_are_here(program: Program) -> None:
    text, row = EXAMPLES[program.name]
    verdict = lint_text(text, "s", ["training/batch_size=8"])
    assert [found.code for found in verdict.diagnostics] == ["LR015"]
    found = verdict.diagnostics[0]
    assert f"a file of {program.name}," in found.message
    assert ("lorarun init" in found.remedy) == program.trains
    assert not row or f"  {row}" in found.remedy
    with pytest.raises(SpecError, match="no spec of lorarun"):
        accepted(verdict)


def test_every_counterpart_is_a_key_of_a_spec() -> None:
    schema = load_schema()
    for program in PROGRAMS:
        for theirs, ours in program.ours.items():
            keys = re.findall(r"\b(?:[a-z]+/)+[a-z_]+|\bmesh\b", ours.replace("/NAME", ""))
            assert all(key in schema.paths or key == "data/sources/path" for key in keys), (program.name, theirs, ours)


@pytest.mark.parametrize(
    "more",
    [
        "base_model: a/b\nadapter: lora\ndatasets: [{path: a}]\nnum_epochs: 3\nmicro_batch_size: 1\n",
        "output_dir: out\nnum_train_epochs: 1\nsave_steps: 10\nlearning_rate: 1.0e-4\n",
        "model_type: llama\nhidden_size: 64\nnum_hidden_layers: 2\nnum_attention_heads: 4\nvocab_size: 99\n",
    ],
)
def test_a_spec_with_keys_of_a_program_is_a_spec(more: str) -> None:
    assert told(BASE + more) == []
    assert told(
        more.replace("adapter:", "load_in_8bit: true\nadapter:") + "warmup_ratio: 0.1\nbf16: true\nuse_cache: 1\n"
    )


@pytest.mark.parametrize(
    "text",
    ["base_model: a/b\n", "model: {name: a}\ntrainer: {devices: 8}\n", "name: a\nversion: 1\n", "x-note: 1\n", "{}"],
)
def test_a_few_keys_that_any_file_may_have_name_no_program(text: str) -> None:
    assert told(text) == []


def test_values_in_the_table_are_short_and_lists_are_cut() -> None:
    text = (
        EXAMPLES["axolotl"][0] + f"lora_target_modules: [q_proj, k_proj, v_proj, o_proj]\nlearning_rate: {'9' * 99}\n"
    )
    rows = told(text)[0].remedy.splitlines()
    assert any("[q_proj, k_proj, v_proj, …] " in row for row in rows)
    assert max(len(row) for row in rows) < 120
    assert rows[-1].split("→")[1] == " training/pre_lora_tokens: []"
