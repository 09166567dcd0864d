"""A pretrained model in Python: its decoder and its variables, from a folder, for those who want logits and no run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.failure import ExitCode, Failure
from runner.weights.huggingface import HuggingFaceWeights

if TYPE_CHECKING:
    from runner.models import Decoder


def load_pretrained(folder: str | Path, dtype: str = "float32") -> tuple[Decoder, dict[str, Any]]:
    """Load the model of a Hugging Face folder onto the devices of this process.

    Returns (model, variables): `model.apply(variables, tokens)` maps tokens (b, t) to logits (b, t, v) in float32.
    Weights and activations have the type `dtype`: float32, bfloat16 or float16. Raises Failure INVALID where there is
    no such folder, or its model is of no family here, and STORAGE where files are missing or damaged.
    """
    from runner.mesh import build_mesh
    from runner.models import LoRAScale, build_model
    from runner.state import abstract_full_state
    from schema.spec import Spec

    weights = HuggingFaceWeights.find(Path(folder))
    if weights is None:
        raise Failure(f"{folder} is no folder of a model: it has no config.json", ExitCode.INVALID)
    types = {"param": dtype, "activation": dtype}
    spec = Spec.model_validate({"architecture": {**weights.describe(), "dtype": types}})
    model = build_model(spec.architecture, LoRAScale(1.0))
    return model, {"params": weights.load(abstract_full_state(model, spec, build_mesh(spec.mesh)).params)}
