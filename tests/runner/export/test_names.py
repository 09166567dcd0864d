"""The names by which Transformers, PEFT and vLLM look for tensors, as goldens: file, tensor, type and shape.

A line of `names/*.txt` that changes is a file that other programs no longer load, or load without its adapters.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from runner.export.export import Report
from tests.runner.export.test_export import exported, spec_of, zeros
from tests.runner.tiny_run import random_batch

NAMES = Path(__file__).parent / "names"
SHAPES: dict[str, dict[str, Any]] = {
    "llama": {
        "architecture": {"family": "llama", "n_kv_head": 2, "attention_bias": True},
        "lora": {"target_modules": ["wte", "attn", "mlp", "lm_head"], "rank": 3},
    },
    "qwen3": {
        "architecture": {"family": "qwen3", "n_kv_head": 1, "head_dim": 6, "tie_embeddings": True},
        "lora": {"target_modules": ["q_proj", "v_proj", "down_proj"], "scaling": "rslora"},
    },
    "qwen3_tied": {
        "architecture": {"family": "qwen3", "n_kv_head": 1, "n_layers": 1, "tie_embeddings": True},
        "lora": {"target_modules": ["wte"], "alpha": 3.5},
    },
}


def listed(folder: Path) -> str:
    """Every tensor of adapter and base, and what its adapter_config.json says."""
    lines = []
    for path in (folder / "adapter/adapter_model.safetensors", folder / "base/model.safetensors"):
        with safe_open(path, "np") as file:
            for name in sorted(file.keys()):
                part = file.get_slice(name)
                shape = " × ".join(map(str, part.get_shape()))
                lines.append(f"{path.relative_to(folder)} {name} {part.get_dtype()} {shape}")
    config = json.loads((folder / "adapter/adapter_config.json").read_text())
    assert config.pop("base_model_name_or_path") == str(folder / "base")
    return "\n".join([*lines, *(f"{key}: {json.dumps(value)}" for key, value in config.items())]) + "\n"


@pytest.mark.parametrize("name", SHAPES)
def test_names_types_and_shapes_are_those_that_others_look_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.export.export._Export.prove", lambda *_: Report((), None))
    spec = spec_of(SHAPES[name], merged=False)
    exported(tmp_path, spec, zeros(spec), random_batch(spec, 3)["tokens"])
    assert listed(tmp_path / "export") == (NAMES / f"{name}.txt").read_text(encoding="utf-8")
