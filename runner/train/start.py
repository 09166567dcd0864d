"""The weights that a new run starts from: random, or those of another run's checkpoint."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from flax.training.train_state import TrainState

from runner.checkpoint.base import restore_base
from runner.checkpoint.manifest import newest_intact, read_manifest
from runner.checkpoint.restore import restore_tree
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json
from runner.files.seal import MANIFEST
from runner.lora.adapters import merge_lora_params
from runner.lora.state import abstract_lora_state
from runner.models import Decoder
from runner.optimizers import build_optimizer
from runner.run.execution import ExecutionSpec
from runner.run.identity import other_architecture, unflatten
from runner.run.layout import checkpoints_of, is_run
from runner.run.record import note_start
from runner.state import Stream, abstract_full_state, boxed_parameters, create_full_state, stream_key
from schema.spec import Spec


class Source(NamedTuple):
    """Where weights come from: a checkpoint, the flat spec of its run, and newer ones that are not intact, and why."""

    checkpoint: Path
    spec: dict[str, Any]
    damaged: dict[Path, str]


def first_state(
    model: Decoder, spec: Spec, mesh: jax.sharding.Mesh, start: Path | None, trains_all: bool
) -> tuple[TrainState, Any]:
    """Return the state at step 0 and its shardings.

    Without `trains_all` there is no phase full, and no optimizer state is spent on it. Raises Failure
    INVALID when `start` holds no checkpoint, or one of another architecture.
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
        params = weights_of(start, model, spec, mesh)
    optimizer = build_optimizer(spec.optimization, "full")
    opt_state = jax.jit(optimizer.init, out_shardings=sharding.opt_state)(params) if trains_all else ()
    step = jax.device_put(jax.numpy.zeros((), jax.numpy.int32), sharding.step)
    return TrainState(step=step, apply_fn=model.apply, params=params, tx=optimizer, opt_state=opt_state), sharding


def weights_of(start: Path, model: Decoder, spec: Spec, mesh: jax.sharding.Mesh) -> Any:
    """Read the parameters of another run's checkpoint onto the mesh, adapters merged into them.

    Raises Failure INVALID when there is no checkpoint or its architecture differs, naming the keys; STORAGE when it is
    gone.
    """
    if not start.exists():
        raise _gone(start)
    folder, source, _ = check_start(start, spec)
    shape = abstract_full_state(model, spec, mesh).params
    if read_manifest(folder).progress.phase == "full":
        return restore_tree(folder, {"params": shape})["params"]
    trained = Spec.model_validate(unflatten(source))
    lora = trained.optimization.lora
    state = abstract_lora_state(model, trained, mesh)
    base = restore_base(folder, state.base_params)
    adapters = restore_tree(folder, {"params": state.params})["params"]

    def merge(base: Any, adapters: Any) -> Any:
        wide = jax.tree.map(lambda leaf, like: leaf.astype(like.dtype), base, shape)
        return merge_lora_params(wide, **adapters, alpha=lora.alpha, rank=lora.rank, scaling=lora.scaling)

    return jax.jit(merge, out_shardings=jax.tree.map(lambda leaf: leaf.sharding, shape))(base, adapters)


def check_start(start: Path, spec: Spec) -> Source:
    """Return the newest intact checkpoint that `start` names, when a run of this spec can begin with its weights.

    Raises Failure INVALID when there is no checkpoint or its architecture differs, naming the keys; STORAGE when
    none is intact.
    """
    folder, damaged = newest_intact(start)
    if folder is None:
        if damaged:
            raise Failure(f"{start} holds no intact checkpoint: {'; '.join(damaged.values())}", ExitCode.STORAGE)
        raise Failure(
            f"{start} holds no checkpoint; name a run directory, or a folder like runs/NAME/checkpoints/STEP",
            ExitCode.INVALID,
        )
    source, differing = other_architecture(folder, spec.architecture.model_dump(mode="json"))
    if differing:
        listed = "; ".join(f"{change.key} is {change.before} there and {change.now} here" for change in differing)
        raise Failure(f"{start} holds weights of another architecture: {listed}", ExitCode.INVALID)
    return Source(folder, source, damaged)


def start_of(execution: ExecutionSpec) -> tuple[Path | None, list[str]]:
    """Return the checkpoint that a run starts from, None for random weights, and what there is to say.

    A run that was named to start from goes on perhaps, and lets the checkpoint that was its newest go. Where nothing
    of this one is saved yet, its newest takes that place. Raises Failure RESUME where no other will do, or as
    `check_start` does.
    """
    run_dir, named = execution.run_dir, execution.starting_point
    noted = read_json(run_dir / "run.json")["start"]
    if noted is None:
        return None, []
    begun, there = bool(checkpoints_of(run_dir)), Path(noted["checkpoint"]).exists()
    if begun or there or named is None or not is_run(named):
        return pinned(noted), []
    newest, _, damaged = check_start(named, execution.spec)
    note_start(run_dir, pin(newest))
    told = f"{noted['checkpoint']} is gone, and nothing of this run is saved yet: it starts from {newest}"
    return newest, [*(f"passed over: {reason}" for reason in damaged.values()), told]


def pin(folder: Path) -> dict[str, str]:
    """Identify the checkpoint that a run starts from, so that a resumed one starts from no other.

    Raises Failure STORAGE when it is gone.
    """
    try:
        return {"checkpoint": str(folder), "manifest_sha256": _manifest_digest(folder)}
    except OSError as error:
        raise _gone(folder) from error


def pinned(start: dict[str, str]) -> Path:
    """Return the checkpoint that `pin` identified. Raises Failure RESUME when it is gone or another one."""
    folder = Path(start["checkpoint"])
    if not (folder / MANIFEST).is_file() or _manifest_digest(folder) != start["manifest_sha256"]:
        raise Failure(
            f"this run began with the weights of {folder}, which are not there any more; bring them back, or start "
            "anew with another --run-dir",
            ExitCode.RESUME,
        )
    return folder


def _gone(folder: Path) -> Failure:
    """A run that goes on meanwhile keeps its newest checkpoints only."""
    return Failure(f"{folder} has just been removed by its run; run the same command again", ExitCode.STORAGE)


def _manifest_digest(folder: Path) -> str:
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
