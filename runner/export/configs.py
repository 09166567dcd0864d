"""What lies beside the weights of an export: the keys of config.json, generation_config.json, the tokenizer's files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.data.chat.own_template import TEMPLATE, turn_end
from runner.data.chat.recipe import load_recipe
from runner.data.chat.template import ChatTemplate
from runner.data.tokenizer_files import TokenizerFiles
from runner.failure import ExitCode, Failure
from runner.huggingface.generation import GENERATION, SPECIAL, generation_config
from runner.huggingface.tensors import write_json
from runner.huggingface.tokenizer import AGAIN, same_tokenizer, write_tokenizer
from schema.document import other_architecture, read_adapter_config
from schema.families import (
    MODEL_TYPES,
    HuggingFace,
    Parameter,
    adapter_refusals,
    architecture_of,
    parameters,
)
from schema.spec import Spec

ADAPTER, BASE = "adapter", "base"  # folders: of adapters alone, and of the model that they belong to


def model_config(
    origin: Mapping[str, Any], special_tokens: Mapping[str, int | None], dtype: str, block_size: int
) -> dict[str, Any]:
    """Return what config.json says beside the class: the type, special tokens, and how far positions reach.

    Where the model was pretrained, these are its own, and the longest position is the farther of its and the run's.
    The type has the name that Transformers 4 reads, and that of 5.
    """
    source = origin.get("config.json", {})
    longest = source.get("max_position_embeddings")
    kept = {name: source[name] for name in SPECIAL if source.get(name) is not None}
    return {
        "torch_dtype": dtype,
        "dtype": dtype,
        "max_position_embeddings": max(block_size, longest) if isinstance(longest, int) else block_size,
        **special_tokens,
        **kept,
    }


def generation_of(
    origin: Mapping[str, Any],
    special_tokens: Mapping[str, int | None],
    tokenizer: Path | None,
    template: ChatTemplate | None = None,
) -> dict[str, Any]:
    """Return generation_config.json; the template, or that of the folder `tokenizer`, says how answers end.

    Raises Failure STORAGE as `turn_end` does.
    """
    return generation_config(origin, special_tokens, turn_end(tokenizer, template) if tokenizer else None)


def trained_template(spec: Spec, tokenizer: TokenizerFiles) -> ChatTemplate | None:
    """The template that conversations were trained with, where chat/template names one in place of the tokenizer's own.

    Raises Failure STORAGE where its file is gone or no template any more.
    """
    if spec.chat.template is None:
        return None
    try:
        return load_recipe(spec.chat, tokenizer.folder, tokenizer.facts).template
    except Failure as failure:
        raise Failure(f"{str(failure).partition('; ')[0]}; {AGAIN}", ExitCode.STORAGE) from failure


def write_texts(
    folder: Path, spec: Spec, origin: Mapping[str, Any], special_tokens: Mapping[str, int | None], fingerprint: str
) -> None:
    """Write the tokenizer into each part of an export, and generation_config.json into each model.

    The chat template is the one that conversations were trained with. `fingerprint` is that of the tokenizer that made
    the data. Raises OSError, and Failure STORAGE where the tokenizer's own files can't be read any more, or are others.
    """
    section, source, template = spec.tokenizer, None, None
    if section.backend == "huggingface":
        files = same_tokenizer(section, fingerprint)
        source, template = files.folder, trained_template(spec, files)
    generation = generation_of(origin, special_tokens, source, template)
    for part in folder.iterdir():
        write_tokenizer(part, section, spec.architecture.block_size, fingerprint)
        if template is not None:
            (part / TEMPLATE).write_text(template.source, encoding="utf-8")
        if part.name != ADAPTER:
            write_json(part / GENERATION, generation)


def check_configs(folder: Path, spec: Spec, hugging_face: HuggingFace, own: Sequence[Parameter]) -> None:
    """Read the configs of an export as others would: they must say the model, and how its adapters on `own` act.

    Weights alone don't tell: rotary frequencies, the scale of adapters. Raises Failure EXPORT.
    """
    untied = any(each.role == "embedding" for each in own)
    for part in (path.parent for path in folder.glob("*/config.json")):
        config = json.loads((part / "config.json").read_text(encoding="utf-8"))
        if config["model_type"] in MODEL_TYPES:
            wanted = spec.architecture.model_dump(mode="json")
            wanted["tie_embeddings"] &= not (untied and part.name == BASE)
            _refuse(part, (str(each) for each in other_architecture(architecture_of(config), wanted)))
    adapter = folder / ADAPTER
    if adapter.exists() and all(each.role != "positions" for each in own):
        found, lora = read_adapter_config(adapter), spec.optimization.lora
        differing = adapter_refusals(found, lora, hugging_face, own, parameters(spec.architecture))
        _refuse(adapter, (each.reason for each in differing))


def _refuse(part: Path, differing: Iterable[str]) -> None:
    if listed := ", ".join(differing):
        raise Failure(f"the config of export/{part.name} is not of the trained model: {listed}", ExitCode.EXPORT)
