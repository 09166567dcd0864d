"""Adapters as PEFT loads them: adapter_config.json and adapter_model.safetensors, from what was trained.

PEFT's A and B are the transposes of ours. On an embedding they are called lora_embedding_A and lora_embedding_B; a
tied embedding is also the head, whose A and B are that table's B and A. A table of positions is no module that PEFT
puts adapters on in every class, so it travels whole, among the modules to save. PEFT refuses an adapter without any
low-rank product: where the table is all there is, a product of zeros stands in, which acts on nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runner.huggingface.layout import Array, Layout, Source, layers_of
from runner.huggingface.tensors import Tensors, write_json, write_tensors
from schema.families import Parameter

PREFIX = "base_model.model."  # PEFT's own wrapping of a model
FILE = "adapter_model.safetensors"
TABLE, POSITIONS = "wte/embedding", "wpe/embedding"
STAND_IN = "blocks/attn/q_proj/kernel"  # a matrix (width, width) that every family has


def write_adapter(
    folder: Path, layout: Layout, adapted: tuple[Parameter, ...], lora: Any, sources: Mapping[str, Source]
) -> None:
    """Write the adapters of the parameters `adapted` into an existing folder. Raises OSError.

    `lora` is the `optimization/lora` section that they were trained with; `sources` give lora_A (in, rank), lora_B
    (rank, out) and, for a table of positions, the merged parameter.
    """
    tensors, modules = {}, set()
    for name, tensor in _tensors(layout, adapted, sources):
        tensors[name] = tensor
        modules.add(name.removeprefix(PREFIX).partition(".lora_")[0].removesuffix(".weight").rpartition(".")[2])
    saved = {layout.modules["wpe"].rpartition(".")[2]} if any(p.path == POSITIONS for p in adapted) else set()
    if modules == saved:
        modules.add(layout.name(STAND_IN, 0))
        tensors |= _stand_in(layout, lora.rank)
    write_tensors(folder / FILE, tensors)
    alpha = float(lora.alpha)
    write_json(
        folder / "adapter_config.json",
        {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": "../base",
            "r": lora.rank,
            "lora_alpha": int(alpha) if alpha.is_integer() else alpha,
            "use_rslora": lora.scaling == "rslora",
            "lora_dropout": lora.dropout,
            "target_modules": sorted(modules - saved),
            "modules_to_save": sorted(saved) or None,
            "bias": "none",
            "fan_in_fan_out": False,
            "inference_mode": True,
        },
    )


def read_adapter(folder: Path, layout: Layout, adapted: tuple[Parameter, ...]) -> Iterator[tuple[str, Array]]:
    """Yield lora_A/PATH and lora_B/PATH of every adapter in our form, and a table of positions as params/PATH.

    Raises KeyError, OSError.
    """
    tensors = Tensors(folder)
    for parameter in adapted:
        module, _, leaf = parameter.path.rpartition("/")
        name = f"{PREFIX}{layout.name(parameter.path, None)}"
        if parameter.path == POSITIONS:
            yield f"params/{parameter.path}", layout.here(parameter.path, tensors[f"{name}.weight"])
            continue
        a, b = [], []
        for layer in layers_of(parameter):
            name = f"{PREFIX}{layout.name(parameter.path, layer)}"
            first, second = (f"{name}.{part}" for part in _parts(leaf))
            a.append(tensors[first].T)
            b.append(layout.outputs_here(module, tensors[second]).T)
        stacked = parameter.axes[0] == "layers"
        yield f"lora_A/{parameter.path}", np.stack(a) if stacked else a[0]
        yield f"lora_B/{parameter.path}", np.stack(b) if stacked else b[0]


def _tensors(
    layout: Layout, adapted: tuple[Parameter, ...], sources: Mapping[str, Source]
) -> Iterator[tuple[str, Array]]:
    for parameter in adapted:
        module, _, leaf = parameter.path.rpartition("/")
        for layer in layers_of(parameter):
            name = f"{PREFIX}{layout.name(parameter.path, layer)}"
            if parameter.path == POSITIONS:
                yield f"{name}.weight", layout.there(parameter.path, sources["merged"](parameter.path, layer))
                continue
            a, b = (sources[side](parameter.path, layer) for side in ("lora_A", "lora_B"))
            first, second = _parts(leaf)
            yield f"{name}.{first}", a.T
            yield f"{name}.{second}", layout.outputs_there(module, b.T)
            if parameter.path == TABLE and layout.config["tie_word_embeddings"]:
                head = f"{PREFIX}{layout.modules['lm_head']}"
                first, second = _parts("kernel")
                yield f"{head}.{first}", b
                yield f"{head}.{second}", a


def _stand_in(layout: Layout, rank: int) -> dict[str, Array]:
    """A and B of zeros on one matrix: each of them keeps the other's gradient zero, should somebody train on."""
    name, width = f"{PREFIX}{layout.name(STAND_IN, 0)}", layout.config["hidden_size"]
    shapes = zip(_parts("kernel"), ((rank, width), (width, rank)), strict=True)
    return {f"{name}.{part}": np.zeros(shape, np.float32) for part, shape in shapes}


def _parts(leaf: str) -> tuple[str, str]:
    """Names of A and B on a parameter with this last part of its path."""
    return ("lora_embedding_A", "lora_embedding_B") if leaf == "embedding" else ("lora_A.weight", "lora_B.weight")
