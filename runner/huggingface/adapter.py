"""Adapters as PEFT loads them: adapter_config.json and adapter_model.safetensors, from what was trained.

Our A (in, rank) and B (rank, out) are transposed in PEFT. On an embedding they are called lora_embedding_A and
lora_embedding_B; a tied embedding is also the head, whose A and B are that table's B and A. A table of positions is no
module that PEFT puts adapters on in every class, so it travels whole, among the modules to save. PEFT refuses an
adapter without any low-rank product: where the table is all there is, a product of zeros stands in, which acts on
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from runner.huggingface.arrays import (
    Array,
    Source,
    from_hf,
    layers_of,
    outputs_from_hf,
    outputs_to_hf,
    stacked,
    to_hf,
)
from runner.huggingface.tensors import Tensors, write_json, write_tensors
from schema.families import HEAD, HuggingFace, Parameter, stand_in

PREFIX = "base_model.model."  # PEFT's own wrapping of a model
FILE = "adapter_model.safetensors"


def adapter_config(lora: Any, base: str, revision: str | None = None) -> dict[str, Any]:
    """Return what PEFT is told of adapters that a section `optimization/lora` trained.

    `base` is a path, or a model of the hub at a revision.
    """
    alpha = float(lora.alpha)
    return {
        **({} if revision is None else {"revision": revision}),
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": lora.rank,
        "lora_alpha": int(alpha) if alpha.is_integer() else alpha,
        "use_rslora": lora.scaling == "rslora",
        "lora_dropout": lora.dropout,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }


def write_adapter(
    folder: Path,
    hugging_face: HuggingFace,
    every: tuple[Parameter, ...],
    adapted: tuple[Parameter, ...],
    sources: Mapping[str, Source],
    config: Mapping[str, Any],
) -> None:
    """Write the adapters of the parameters `adapted`, of all those of a model, into an existing folder. Raises OSError.

    `sources` give lora_A (in, rank), lora_B (rank, out) and, for a table of positions, the merged parameter; `config`
    is that of `adapter_config`, without the modules.
    """
    tensors = dict(adapter_tensors(hugging_face, adapted, sources))
    low_rank = {each.path for each in adapted if each.role != "positions"}
    if hugging_face.is_tied and any(each.role == "embedding" for each in adapted):
        low_rank.add(HEAD)
    targets = {_last(hugging_face.row(path).name) for path in low_rank}
    saved = {_last(hugging_face.row(each.path).name) for each in adapted if each.role == "positions"}
    if not targets:
        matrix = stand_in(every)
        targets = {hugging_face.module(matrix.path, 0)}
        tensors |= _zeros(hugging_face, matrix, config["r"])
    write_tensors(folder / FILE, tensors)
    modules = {"target_modules": sorted(targets), "modules_to_save": sorted(saved) or None}
    write_json(folder / "adapter_config.json", {**config, **modules})


def read_adapter(
    folder: Path, hugging_face: HuggingFace, adapted: tuple[Parameter, ...]
) -> Iterator[tuple[str, Array]]:
    """Yield lora_A/PATH and lora_B/PATH of every adapter in our form, and a table of positions as params/PATH.

    Raises KeyError, OSError.
    """
    tensors = Tensors(folder)
    for parameter in adapted:
        path, row = parameter.path, hugging_face.row(parameter.path)
        if parameter.role == "positions":
            yield f"params/{path}", from_hf(row, path, tensors[f"{PREFIX}{hugging_face.name_to_hf(path, None)}"])
            continue
        a, b = [], []
        for layer in layers_of(parameter):
            first, second = _names(hugging_face.module(path, layer), path)
            a.append(tensors[first].T)
            b.append(outputs_from_hf(row, tensors[second]).T)
        yield f"lora_A/{path}", stacked(parameter, a)
        yield f"lora_B/{path}", stacked(parameter, b)


def adapter_tensors(
    hugging_face: HuggingFace, adapted: tuple[Parameter, ...], sources: Mapping[str, Source]
) -> Iterator[tuple[str, Array]]:
    """Yield the tensors of the adapters on the parameters `adapted` by PEFT's names; `sources` as `write_adapter`."""
    for parameter in adapted:
        path, row = parameter.path, hugging_face.row(parameter.path)
        for layer in layers_of(parameter):
            if parameter.role == "positions":
                whole = to_hf(row, path, sources["merged"](path, layer))
                yield f"{PREFIX}{hugging_face.name_to_hf(path, layer)}", whole
                continue
            a, b = (sources[side](path, layer) for side in ("lora_A", "lora_B"))  # (in, rank), (rank, out)
            first, second = _names(hugging_face.module(path, layer), path)
            yield first, a.T
            yield second, outputs_to_hf(row, b.T)
            if parameter.role == "embedding" and hugging_face.is_tied:
                # logits are x @ (W + A @ B).T, so that the head's A is B, and its B is A
                first, second = _names(hugging_face.module(HEAD, None), HEAD)
                yield first, b
                yield second, a


def _zeros(hugging_face: HuggingFace, matrix: Parameter, rank: int) -> dict[str, Array]:
    """A and B of zeros on the first layer: each keeps the other's gradient zero, should somebody train on."""
    inputs, outputs = matrix.matrix or (0, 0)
    names = _names(hugging_face.module(matrix.path, 0), matrix.path)
    shapes = ((rank, inputs), (outputs * hugging_face.row(matrix.path).copies, rank))
    return {name: np.zeros(shape, np.float32) for name, shape in zip(names, shapes, strict=True)}


def _names(module: str, path: str) -> tuple[str, str]:
    """PEFT's names of A and B on the module that holds the parameter at a path."""
    table = path.endswith("/embedding")
    parts = ("lora_embedding_A", "lora_embedding_B") if table else ("lora_A.weight", "lora_B.weight")
    return f"{PREFIX}{module}.{parts[0]}", f"{PREFIX}{module}.{parts[1]}"


def _last(module: str) -> str:
    """q_proj of model.layers.{}.self_attn.q_proj."""
    return module.rpartition(".")[2]
