"""What lies beside the weights of an export: the keys of config.json, generation_config.json, the tokenizer's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.data.chat.own_template import turn_end
from runner.huggingface.generation import GENERATION, SPECIAL, generation_config
from runner.huggingface.tensors import write_json
from runner.huggingface.tokenizer import write_tokenizer
from schema.spec import Spec

ADAPTER = "adapter"  # the folder that holds no model


def model_config(spec: Spec, origin: Mapping[str, Any], special_tokens: Mapping[str, int | None]) -> dict[str, Any]:
    """Return what config.json says beside the class: the type, special tokens, and how far positions reach.

    Where the model was pretrained, these are its own, and the longest position is the farther of its and the run's.
    The type has the name that Transformers 4 reads, and that of 5.
    """
    source, rows = origin.get("config.json", {}), spec.architecture.block_size
    longest = source.get("max_position_embeddings")
    kept = {name: source[name] for name in SPECIAL if source.get(name) is not None}
    return {
        "torch_dtype": spec.export.dtype,
        "dtype": spec.export.dtype,
        "max_position_embeddings": max(rows, longest) if isinstance(longest, int) else rows,
        **special_tokens,
        **kept,
    }


def write_texts(
    folder: Path, spec: Spec, origin: Mapping[str, Any], special_tokens: Mapping[str, int | None], fingerprint: str
) -> None:
    """Write the tokenizer into each part of an export, and generation_config.json into each model.

    `fingerprint` is that of the tokenizer that made the data. Raises OSError, and Failure STORAGE where the tokenizer's
    own files can't be read any more, or are others.
    """
    section, end = spec.tokenizer, None
    if section.backend == "huggingface":
        end = turn_end(Path(str(section.name)))
    generation = generation_config(origin, special_tokens, end)
    for part in folder.iterdir():
        write_tokenizer(part, section, spec.architecture.block_size, fingerprint)
        if part.name != ADAPTER:
            write_json(part / GENERATION, generation)
