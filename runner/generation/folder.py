"""The model of a Hugging Face folder, and that of a PEFT folder over the base that it names."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import flax.traverse_util
import jax
from jax.sharding import NamedSharding, PartitionSpec
from safetensors import SafetensorError

from runner.data.tokenizer_files import TOKENIZER
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from runner.generation.target import Dtype, Target, Variables, whole_mesh
from runner.huggingface.adapter import FILE, PREFIX
from runner.huggingface.adapter_import import OtherAdapterError, import_adapter
from runner.huggingface.tensors import Tensors
from runner.lora.adapters import lora_scale
from runner.models import Decoder, LoRAScale, build_model
from runner.run.layout import BASE, NOTE
from runner.state import abstract_full_state
from runner.weights.huggingface import HuggingFaceWeights
from runner.weights.pretrained import pretrained_spec
from schema.document import ADAPTER_CONFIG, read_adapter_config
from schema.document.hub import located
from schema.families import AdapterConfig, ConfigError, HuggingFace, Parameter, load_family, parameters
from schema.spec import Spec

MERGE = "merge the adapter into its base with PEFT"


def find_folder(named: Path, dtype: Dtype) -> Target | None:
    """Return the model of a folder with config.json or adapter_config.json; None where there is neither.

    Raises Failure INVALID where no family holds the model, a tokenizer is missing, or the adapter is of another kind
    than LoRA, and STORAGE where files are missing or damaged.
    """
    adapter = _read_config(named) if (named / ADAPTER_CONFIG).is_file() else None
    base = _base_of(named) if adapter else HuggingFaceWeights.find(named)
    if base is None:
        return None
    spec = pretrained_spec(base, dtype or "float32")
    scale = lora_scale(adapter.alpha, adapter.rank, adapter.scaling) if adapter else 1.0
    model = build_model(spec.architecture, LoRAScale(scale))
    return Target(
        name=str(named),
        model=model,
        tokenizer=_tokenizer_of(named, base.path),
        chat=spec.chat,
        origin=base.origin(),
        has_adapters=adapter is not None,
        load=partial(_load, spec, model, base, (named, adapter.rank) if adapter else None),
    )


def _load(spec: Spec, model: Decoder, base: HuggingFaceWeights, adapter: tuple[Path, int] | None) -> Variables:
    mesh = whole_mesh()
    variables = {"params": base.load(abstract_full_state(model, spec, mesh).params)}
    return variables if adapter is None else variables | _read_adapters(spec, *adapter, mesh)


def _read_adapters(spec: Spec, folder: Path, rank: int, mesh: jax.sharding.Mesh) -> Variables:
    """Read A and B of each parameter that has a tensor there onto every device; the others have None."""
    every = parameters(spec.architecture)
    files = load_family(spec.architecture.family).hugging_face(spec.architecture)
    try:
        modules = {name.removeprefix(PREFIX).partition(".lora_")[0] for name in Tensors(folder).names}
        adapted = tuple(each for each in every if each.matrix and _modules(files, each) & modules)
        found = import_adapter(folder, files, adapted, rank)
    except OtherAdapterError as error:
        raise Failure(f"{folder / FILE} is no adapter of its base: {error}; {MERGE}", ExitCode.INVALID) from error
    except (OSError, SafetensorError) as error:
        raise Failure(f"{folder / FILE} can't be read: {error}; get the adapter again", ExitCode.STORAGE) from error
    everywhere, trees = NamedSharding(mesh, PartitionSpec()), {}
    for side in ("lora_A", "lora_B"):
        leaves = {each.path: found.get(f"{side}/{each.path}") for each in every}
        placed = {path: None if leaf is None else jax.device_put(leaf, everywhere) for path, leaf in leaves.items()}
        trees[side] = flax.traverse_util.unflatten_dict(placed, sep="/")
    return trees


def _modules(files: HuggingFace, parameter: Parameter) -> set[str]:
    """The modules that hold a matrix, one a layer."""
    layers = range(parameter.layers) if parameter.role == "blocks" else (None,)
    return {files.module(parameter.path, layer) for layer in layers}


def _read_config(folder: Path) -> AdapterConfig:
    path = folder / ADAPTER_CONFIG
    try:
        return read_adapter_config(folder)
    except ConfigError as error:
        raise Failure(f"{path} is of no adapter that is computed here: {error}; {MERGE}", ExitCode.INVALID) from error
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror or error}", ExitCode.STORAGE) from error


def _base_of(folder: Path) -> HuggingFaceWeights:
    """The base beside an adapter of the same export, wherever both were moved to; else the one that an adapter names.

    It names it by a path from its folder or from here, or as a model in the cache of the hub.
    """
    path = folder / ADAPTER_CONFIG
    config = json.loads(path.read_text(encoding="utf-8"))
    name, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not isinstance(name, str):
        raise Failure(f"{path} names no base; write its path as base_model_name_or_path", ExitCode.INVALID)
    beside = [folder.resolve().with_name(BASE)] if _is_of_one_export(folder, folder.resolve().with_name(BASE)) else []
    places = (*beside, folder / name, located(f"{name}@{revision}" if revision else name))
    found = map(HuggingFaceWeights.find, places)
    base = next(filter(None, found), None)
    if base is None:
        raise Failure(
            f"{path} names the base '{name}', and there is no such folder here with a config.json; write the path of "
            "the base there as base_model_name_or_path",
            ExitCode.INVALID,
        )
    return base


def _is_of_one_export(adapter: Path, base: Path) -> bool:
    """Whether two folders say the same of themselves."""
    try:
        return (adapter / NOTE).read_bytes() == (base / NOTE).read_bytes()
    except OSError:
        return False


def _tokenizer_of(*folders: Path) -> Tokenizer:
    from runner.data.tokenizers.huggingface import load_huggingface

    for folder in folders:
        if (folder / TOKENIZER).is_file():
            return load_huggingface(str(folder))
    raise Failure(f"{folders[0]} holds no {TOKENIZER}; put the tokenizer of the model there", ExitCode.INVALID)
