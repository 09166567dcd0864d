"""A pretrained model goes out as it came in, or with weights that somebody changed in Python: no run is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from runner.data.tokenizer_files import TOKENIZER
from runner.export.configs import generation_of, model_config
from runner.failure import ExitCode, Failure
from runner.files.atomic import sync
from runner.files.errors import saving
from runner.files.folder import begin, commit, hidden
from runner.huggingface import read_model, write_model
from runner.huggingface.arrays import Array
from runner.huggingface.generation import GENERATION
from runner.huggingface.tensors import write_json
from runner.huggingface.tokenizer import tokenizer_files, write_files
from runner.weights.huggingface import HuggingFaceWeights
from runner.weights.pretrained import pretrained_spec
from schema.document.hub import located
from schema.families import load_family, parameters


def save_pretrained(folder: str | Path, variables: Mapping[str, Any], source: str | Path) -> None:
    """Write the variables of a model that `load_pretrained` read from `source` into a new folder for Transformers.

    Every weight has the type that it has in `variables`, and is read back. What nobody changed is bit for bit the
    source's where `load_pretrained` was asked for the source's type; the tokenizer's files are so byte for byte. Raises
    Failure INVALID where `folder` is there already, `source` is no folder of a model or `variables` are not of its
    model, STORAGE for disks, and EXPORT where something else is read back.
    """
    target, place = Path(folder).absolute(), located(str(source))
    weights = HuggingFaceWeights.find(place)
    if weights is None:
        raise Failure(f"{source} is no folder of a model: it has no config.json", ExitCode.INVALID)
    if target.exists():
        raise Failure(f"{folder} is there already; name a new folder", ExitCode.INVALID)
    section, origin = pretrained_spec(weights, "float32").architecture, weights.origin()
    every, flat = parameters(section), flatten_dict(dict(variables.get("params", {})), sep="/")
    wanted = {each.path: each.shape for each in every}
    if variables.keys() != {"params"} or {path: leaf.shape for path, leaf in flat.items()} != wanted:
        raise Failure(f"the variables are not those of the model in {source}; merge adapters first", ExitCode.INVALID)
    end_of = place if (place / TOKENIZER).is_file() else None
    files, partial = load_family(section.family).hugging_face(section), hidden(target)
    config = model_config(origin, {}, str(flat[every[0].path].dtype), section.block_size)

    def weight(path: str, layer: int | None) -> Array:
        return np.asarray(jax.device_get(flat[path] if layer is None else flat[path][layer]))

    with saving(partial, "the model", sum(leaf.nbytes for leaf in flat.values())):
        begin(partial)
        write_model(partial, files, every, weight, config)
        write_json(partial / GENERATION, generation_of(origin, {}, end_of))
        write_files(partial, tokenizer_files(place))
        for path, array in read_model(partial, files, every):
            if array.tobytes() != np.asarray(jax.device_get(flat[path])).tobytes():
                raise Failure(f"{path} is read back as something else; nothing is written", ExitCode.EXPORT)
        for each in (*partial.iterdir(), partial):
            sync(each)
        commit(partial, target)
