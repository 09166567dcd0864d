"""A folder of a small llama with a tokenizer and a chat template, and a PEFT folder over it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from tests.runner.data import tokenizer_folders
from tests.runner.weights.model_folders import LLAMA_4, write_folder

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
CONFIG = {**LLAMA_4, "vocab_size": 320, "num_hidden_layers": 1, "max_position_embeddings": 128, "head_dim": 8}
RANK, ALPHA = 2, 6
TARGETS = ("self_attn.q_proj", "mlp.down_proj", "lm_head")


def write_model(folder: Path, template: str | None = TEMPLATE, **generation: Any) -> Path:
    """Write the model; `generation` is its generation_config.json."""
    write_folder(folder, CONFIG)
    tokens = {"eos_token": "</s>", "pad_token": "<pad>"} | ({"chat_template": template} if template else {})
    tokenizer_folders.folder(folder, tokenizer_folders.byte_level(), tokenizer_config=tokens)
    (folder / "generation_config.json").write_text(json.dumps(generation))
    return folder


def adapter_tensors() -> dict[str, Any]:
    """A and B by PEFT's names."""
    random, found = np.random.default_rng(7), {}
    for module, (inputs, outputs) in {
        "model.layers.0.self_attn.q_proj": (24, 24),
        "model.layers.0.mlp.down_proj": (40, 24),
        "lm_head": (24, 320),
    }.items():
        found[f"base_model.model.{module}.lora_A.weight"] = random.normal(size=(RANK, inputs)).astype(np.float32)
        found[f"base_model.model.{module}.lora_B.weight"] = random.normal(size=(outputs, RANK)).astype(np.float32)
    return found


def write_adapter(folder: Path, base: str, **config: Any) -> Path:
    """Write a PEFT folder over a base."""
    folder.mkdir()
    save_file(adapter_tensors(), folder / "adapter_model.safetensors")
    own = {"peft_type": "LORA", "base_model_name_or_path": base, "r": RANK, "lora_alpha": ALPHA}
    (folder / "adapter_config.json").write_text(json.dumps({**own, **config}))
    return folder


def merge(base: Path) -> None:
    """Merge the adapter into a base: W + alpha / r · B @ A."""
    tensors, adapter = load_file(base / "model.safetensors"), adapter_tensors()
    for name in tensors:
        module = f"base_model.model.{name.removesuffix('.weight')}"
        if f"{module}.lora_A.weight" in adapter:
            product = adapter[f"{module}.lora_B.weight"] @ adapter[f"{module}.lora_A.weight"]
            tensors[name] = tensors[name] + np.float32(ALPHA / RANK) * product
    save_file(tensors, base / "model.safetensors")
