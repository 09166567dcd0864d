"""Folders of models as Transformers writes them, of random weights and small shapes; no library of theirs is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

from schema.families import architecture_of, load_family, parameters
from schema.sections.architecture import Architecture

LLAMA3 = {"factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
SHAPE = {"vocab_size": 61, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "rms_norm_eps": 1e-5}
# Configs as Transformers 4 and as 5 write them; heads of a size of their own, 3 heads over 1.
LLAMA_4 = {
    "model_type": "llama",
    **SHAPE,
    "num_attention_heads": 3,
    "num_key_value_heads": 1,
    "attention_bias": True,
    "mlp_bias": True,
    "rope_theta": 500.0,
    "rope_scaling": {"rope_type": "llama3", **LLAMA3},
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
}
LLAMA_5 = {
    **{name: value for name, value in LLAMA_4.items() if not name.startswith(("rope", "torch"))},
    "head_dim": 8,
    "rope_parameters": {"rope_type": "llama3", "rope_theta": 500.0, **LLAMA3},
    "dtype": "float32",
}
QWEN3 = {
    "model_type": "qwen3",
    **SHAPE,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 10,
    "tie_word_embeddings": True,
    "use_sliding_window": False,
    "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 100.0},
}
MISTRAL = {
    "model_type": "mistral",
    **SHAPE,
    "num_attention_heads": 3,
    "num_key_value_heads": None,  # as many as heads
    "sliding_window": None,
}


def shapes_of(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The tensors that the class of a config has: their names and shapes."""
    architecture = Architecture.model_validate(architecture_of(config))
    names, found = load_family(architecture.family).hugging_face(architecture), {}
    for parameter in parameters(architecture):
        stacked = parameter.role == "blocks"
        shape = parameter.shape[1:] if stacked else parameter.shape
        for layer in range(parameter.layers) if stacked else (None,):
            name = names.name_to_hf(parameter.path, layer)
            found[name] = shape[::-1] if parameter.path.endswith("/kernel") else shape
    return found


def tensors_of(config: dict[str, Any], dtype: Any = np.float32) -> dict[str, Any]:
    """Random tensors by the names and in the shapes that the class of a config has."""
    random = np.random.default_rng(1)
    return {
        name: (0.3 * random.normal(size=shape) + name.endswith("norm.weight")).astype(dtype)
        for name, shape in shapes_of(config).items()
    }


def write_folder(
    folder: Path, config: dict[str, Any], shards: int = 1, bfloat16: bool = False, extra: dict[str, Any] | None = None
) -> Path:
    """Write config.json and random tensors."""
    tensors = tensors_of(config, ml_dtypes.bfloat16 if bfloat16 else np.float32) | (extra or {})
    return write_tensors(folder, config, tensors, shards)


def write_tensors(folder: Path, config: dict[str, Any], tensors: dict[str, Any], shards: int) -> Path:
    """Write config.json and these tensors, with an index where there are several shards."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    names = sorted(tensors)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return folder
    places = {name: f"model-{index % shards + 1:05}-of-{shards:05}.safetensors" for index, name in enumerate(names)}
    for file in set(places.values()):
        save_file({name: tensors[name] for name in names if places[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return folder
