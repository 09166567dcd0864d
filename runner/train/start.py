"""The state that a process begins with: of random weights, of those of a `WeightSource`, or of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
from flax.training.train_state import TrainState

from runner.checkpoint.intact import Intact
from runner.checkpoint.restore import restore_tree
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json
from runner.lora.state import abstract_lora_state
from runner.models import Decoder
from runner.optimizers import build_optimizer
from runner.run.execution import ExecutionSpec
from runner.run.layout import CHECKPOINTS, checkpoints_of, is_run
from runner.run.record import note_start
from runner.state import Stream, abstract_full_state, boxed_parameters, create_full_state, stream_key
from runner.train.trainer import saved_part
from runner.weights import WeightSource, find_weights
from runner.weights.start import check_start
from schema.spec import Spec


def first_state(
    model: Decoder, spec: Spec, mesh: jax.sharding.Mesh, start: WeightSource | None, trains_all: bool
) -> tuple[TrainState, Any]:
    """Return the state at step 0 and its shardings; without a source, of random weights.

    Without `trains_all` there is no phase full, and no optimizer state is spent on it. Raises Failure as the source
    does.
    """
    if start is None and trains_all:
        return create_full_state(model, spec, mesh)
    shape = abstract_full_state(model, spec, mesh)
    sharding = jax.tree.map(lambda leaf: leaf.sharding, shape)
    if start is None:
        key = stream_key(spec.training.seed, Stream.WEIGHTS)
        create = jax.jit(lambda key: nn.meta.unbox(boxed_parameters(model, key)), out_shardings=sharding.params)
        params = create(key)
    else:
        params = start.load(shape.params)
    optimizer = build_optimizer(spec.optimization, "full")
    opt_state = jax.jit(optimizer.init, out_shardings=sharding.opt_state)(params) if trains_all else ()
    step = jax.device_put(jax.numpy.zeros((), jax.numpy.int32), sharding.step)
    return TrainState(step=step, apply_fn=model.apply, params=params, tx=optimizer, opt_state=opt_state), sharding


def restored_state(model: Decoder, spec: Spec, mesh: jax.sharding.Mesh, checkpoint: Intact) -> tuple[TrainState, Any]:
    """Read the state of a verified checkpoint straight onto the mesh, in phase lora with its frozen base.

    Returns it with its shardings. Raises Failure STORAGE when the arrays are not those that were trained.
    """
    if checkpoint.base is None:
        shape = abstract_full_state(model, spec, mesh)
        state = shape.replace(**restore_tree(checkpoint.sealed, saved_part(shape)))
    else:
        shape = abstract_lora_state(model, spec, mesh)
        base = restore_tree(checkpoint.base, shape.base_params)
        state = shape.replace(base_params=base, **restore_tree(checkpoint.sealed, saved_part(shape)))
    return state, jax.tree.map(lambda leaf: leaf.sharding, shape)


def pin(source: WeightSource) -> dict[str, Any]:
    """Say what a run starts from, so that a resumed one starts from nothing else."""
    return {"path": str(source.path), "digest": source.identity(), **source.facts()}


def starting(execution: ExecutionSpec, source: WeightSource) -> str:
    """Say what a new run starts from: the weights as they were named, and of a run the step of its checkpoint."""
    named, pretrained = execution.restore, execution.spec.architecture.pretrained
    step = ""
    if source.path.parent.name == CHECKPOINTS and source.path.name != (named or Path(str(pretrained))).name:
        step = f", step {source.path.name}"
    instead = f", in place of architecture/pretrained {pretrained}" if named and pretrained else ""
    return f"starting {execution.run_dir} from {named or pretrained}{step}{instead}"


def start_of(execution: ExecutionSpec, verified: WeightSource | None) -> tuple[WeightSource | None, list[str]]:
    """Return the weights that a run starts from, None for random ones, and what there is to say.

    `verified` are those that were checked before the run directory was made, if it was made now. The source run may
    still train, and prune the checkpoint that was its newest: where nothing of this run is saved yet, its newest then
    takes that place. Raises Failure RESUME where no other will do, or as `check_start` does.
    """
    run_dir, named = execution.run_dir, execution.starting_point
    noted = read_json(run_dir / "run.json")["start"]
    if noted is None:
        return None, []
    if verified is not None and pin(verified) == noted:
        return verified, []
    if named is None or not gives_way(run_dir, noted, named):
        return pinned(noted, named), []
    newest = check_start(named, execution.spec)
    note_start(run_dir, pin(newest))
    said = f"{noted['path']} is gone, and nothing of this run is saved yet: it starts from {newest.path}"
    return newest, [*newest.remarks(), said]


def gives_way(run_dir: Path, noted: Mapping[str, Any], named: Path) -> bool:
    """Whether the newest weights of the run `named` take the place of those that a run noted, and which are gone."""
    return not checkpoints_of(run_dir) and not Path(noted["path"]).exists() and is_run(named)


def pinned(noted: Mapping[str, Any], named: Path | None) -> WeightSource:
    """Return the weights that `pin` noted. Raises Failure RESUME when they are gone or others.

    Where they are not at their place, they may be at `named`: a model of the hub may lie in another cache than that of
    the machine where the run began.
    """
    place = Path(noted["path"])
    source = find_weights(place if named is None or place.exists() else named)
    if source is None or not source.is_noted(noted):
        raise Failure(
            f"this run began with the weights of {noted['path']}, which are not there any more; bring them back, or "
            "start a new run with another --run-dir",
            ExitCode.RESUME,
        )
    return source
