"""The model of a run: its newest intact checkpoint, of either phase, with base and adapters apart."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from runner.checkpoint.intact import Intact, newest_intact
from runner.checkpoint.restore import restore_tree
from runner.data.tokenizers import load_tokenizer
from runner.failure import ExitCode, Failure
from runner.generation.target import Dtype, Target, Variables, whole_mesh
from runner.lora.adapters import lora_scale
from runner.lora.state import abstract_weights
from runner.models import Decoder, LoRAScale, build_model
from runner.run.identity import spec_of
from runner.run.layout import checkpoints_of, is_run
from runner.run.record import origin_of
from runner.state import abstract_full_state
from schema.spec import Spec


def find_run(named: Path, dtype: Dtype) -> Target | None:
    """Return the model of a run directory or of one of its checkpoints; None where the path is neither.

    Raises Failure INVALID for a run that has saved nothing yet, STORAGE where no checkpoint is intact.
    """
    path = named.absolute()
    if not checkpoints_of(path):
        if is_run(path):
            raise Failure(f"{named} has no checkpoint yet; let its run save one", ExitCode.INVALID)
        return None
    spec, checkpoint, remarks = _newest(named, dtype)
    lora = spec.optimization.lora
    model = build_model(spec.architecture, LoRAScale(lora_scale(lora.alpha, lora.rank, lora.scaling)))
    return Target(
        name=str(named),
        model=model,
        tokenizer=load_tokenizer(spec.tokenizer),
        chat=spec.chat,
        origin=origin_of(checkpoint.run_dir),
        has_adapters=checkpoint.base is not None,
        load=partial(_load, spec, model, checkpoint),
        remarks=remarks,
    )


def _newest(named: Path, dtype: Dtype) -> tuple[Spec, Intact, tuple[str, ...]]:
    checkpoint, damaged = newest_intact(named.absolute())
    if checkpoint is None:
        raise Failure(f"{named} holds no intact checkpoint: {', '.join(damaged.values())}", ExitCode.STORAGE)
    values: dict[str, Any] = spec_of(checkpoint.run_dir)
    if dtype is not None:
        values["architecture"]["dtype"] = {"param": dtype, "activation": dtype}
    return Spec.model_validate(values), checkpoint, tuple(f"passed over: {reason}" for reason in damaged.values())


def _load(spec: Spec, model: Decoder, checkpoint: Intact) -> Variables:
    """Read base and adapters; matrices have the type in which the forward pass would cast them anyway."""
    base, adapters = abstract_weights(abstract_full_state(model, spec, whole_mesh()).params, spec)
    if checkpoint.base is None:
        return {"params": restore_tree(checkpoint.sealed, {"params": base})["params"]}
    trained = restore_tree(checkpoint.sealed, {"params": adapters})["params"]
    return {"params": restore_tree(checkpoint.base, base), **trained}
