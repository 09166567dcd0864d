"""A pretrained model in Python: its decoder and its variables, from a folder, for those who want logits and no run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.failure import ExitCode, Failure
from runner.weights._files import CONFIG
from runner.weights.hub import fetch
from runner.weights.huggingface import HuggingFaceWeights
from schema.document.hub import hub_name
from schema.text.paths import at_home

if TYPE_CHECKING:
    from runner.models import Decoder
    from schema.spec import Spec


FLOATS = ("float32", "bfloat16", "float16")


def load_pretrained(folder: str | Path, dtype: str = "float32") -> tuple[Decoder, dict[str, Any]]:
    """Load a model onto the devices of this process: a Hugging Face folder, or OWNER/NAME[@REVISION] on the hub.

    Returns (model, variables): `model.apply(variables, tokens)` maps tokens (b, t) to logits (b, t, v) in float32.
    Weights and activations have the type `dtype`: float32, bfloat16 or float16. Raises ValueError for another type, and
    Failure INVALID where there is no such folder, or its model is of no family here, STORAGE where files are missing or
    damaged, and as `runner.weights.hub.fetch` does.
    """
    if dtype not in FLOATS:
        raise ValueError(f"dtype {dtype!r} is not one of {', '.join(FLOATS)}")
    on_hub = hub_name(str(folder))
    if on_hub:
        folder = fetch(on_hub, True, logging.getLogger(__name__).info)
    from runner.mesh import build_mesh
    from runner.models import LoRAScale, build_model
    from runner.state import abstract_full_state

    weights = HuggingFaceWeights.find(at_home(folder))
    if weights is None:
        raise Failure(f"{folder} is no folder of a model: it has no config.json", ExitCode.INVALID)
    spec = pretrained_spec(weights, dtype)
    model = build_model(spec.architecture, LoRAScale(1.0))
    return model, {"params": weights.load(abstract_full_state(model, spec, build_mesh(spec.mesh)).params)}


def pretrained_spec(weights: HuggingFaceWeights, dtype: str) -> Spec:
    """Return a spec whose architecture is that of a folder, in one type, as long as its positions reach."""
    from schema.spec import Spec

    longest = weights.origin()[CONFIG].get("max_position_embeddings")
    block_size = {"block_size": longest} if isinstance(longest, int) and longest > 0 else {}
    types = {"param": dtype, "activation": dtype}
    return Spec.model_validate({"architecture": {**weights.describe(), **block_size, "dtype": types}})
