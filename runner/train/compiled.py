"""Compile a phase ahead of time: its train and validate steps, for the shardings of its state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.training.train_state import TrainState
from jax.sharding import NamedSharding, PartitionSpec

from runner.data.batch import BatchSpec, train_batch, validation_batch
from runner.distributed import least_memory
from runner.lora.state import LoRATrainState
from runner.mesh import batch_devices, batch_sharding
from runner.train.step import Batch, MicroBatch, train_step, validate_step
from schema.budget.event_steps import is_scored
from schema.budget.stages import Phase
from schema.spec import Spec

Metrics = dict[str, jax.Array]


class ProgramMemory(NamedTuple):
    """Bytes on one device, as the compiler planned them: all that a phase needs; temporary arrays of its train step."""

    needed: int
    temporary: int


@dataclass(frozen=True, slots=True)
class CompiledPhase:
    """The two programs of a phase.

    `train(state, batch, learning_rate, key)` maps a `train_batch` to (new state, metrics). It deletes the arrays of
    the old state except the frozen base. `validate(state, batch)` returns the sum of losses and the supervised tokens
    of a `validation_batch`; it is None where the spec has neither validation nor evaluations. Metrics stay on the
    devices. `memory` is None where a compiler does not say. Batches come from `runner.mesh.put_batch`.
    `learning_rate` is a number of the host.
    """

    train: Callable[[TrainState, Batch, float, jax.Array], tuple[TrainState, Metrics]]
    validate: Callable[[TrainState, Batch], Metrics] | None
    micro_rows: int
    accumulation: int
    train_batch: BatchSpec
    validation_batch: BatchSpec
    memory: ProgramMemory | None


def compile_phase(spec: Spec, mesh: jax.sharding.Mesh, state: TrainState, micro_rows: int) -> CompiledPhase:
    """Compile the programs that a spec needs, for a state of either phase, concrete or abstract with shardings.

    `micro_rows` comes from `runner.train.micro_batch_checks`. Nothing else is compiled while the phase runs.
    """
    micro = MicroBatch(batch_devices(mesh), micro_rows)
    rows = spec.training.batch_size
    step_rows = micro.devices * micro.rows
    # `validation_steps` counts rows. Whole micro-batches, no more than hold them: few rows cost no whole batch.
    validation_rows = min(rows, -(-spec.training.validation_steps // step_rows) * step_rows)
    phase: Phase = "lora" if isinstance(state, LoRATrainState) else "full"
    batches = train_batch(spec, phase), validation_batch(spec, validation_rows)
    # Shapes and shardings are all that compilation reads.
    state = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state)
    changing, base = _split(state)
    everywhere = NamedSharding(mesh, PartitionSpec())
    kept = jax.tree.map(lambda x: x.sharding, changing)
    scalars = (_abstract((), jnp.float32, everywhere), _abstract_key(everywhere))

    # The new state replaces the old: it lies as the old one did, since the same program reads it in the next step, and
    # lives in the donated memory, so that there is one state, not two. The base is an argument of its own and is not
    # donated: no step returns it, and each reads it.
    skip = spec.training.on_nonfinite == "skip"
    train = jax.jit(partial(_train, micro=micro, skip=skip), donate_argnums=0, out_shardings=(kept, everywhere))
    validate = jax.jit(partial(_validate, micro=micro), out_shardings=everywhere)
    validates = is_scored(spec)
    with jax.set_mesh(mesh):
        compiled_train = train.lower(changing, base, _abstract_batch(batches[0], mesh), *scalars).compile()
        programs = [compiled_train]
        if validates:
            compiled_validate = validate.lower(changing, base, _abstract_batch(batches[1], mesh)).compile()
            programs.append(compiled_validate)

    def run_train(state: TrainState, batch: Batch, learning_rate: float, key: jax.Array) -> tuple[TrainState, Metrics]:
        changing, base = _split(state)
        # Explicit transfers: the loop's guard refuses others. The rate is an argument; as a constant, each new value
        # would compile a new program.
        rate, key = jax.device_put((np.float32(learning_rate), key), everywhere)
        changed, metrics = compiled_train(changing, base, batch, rate, key)
        return _join(changed, base), metrics

    def run_validate(state: TrainState, batch: Batch) -> Metrics:
        metrics: Metrics = compiled_validate(*_split(state), batch)
        return metrics

    runs = run_train, run_validate if validates else None
    return CompiledPhase(*runs, micro_rows, rows // step_rows, *batches, _memory_of(programs))


def _memory_of(programs: list[jax.stages.Compiled]) -> ProgramMemory | None:
    """Read what the compiler says of programs of which the first is the train step; one runs at a time."""
    found = [analysis for program in programs if (analysis := program.memory_analysis()) is not None]
    if len(found) < len(programs):
        return None
    # Results that alias arguments, the new state in the place of the old, take no room of their own.
    needed = [
        each.argument_size_in_bytes + each.output_size_in_bytes - each.alias_size_in_bytes + each.temp_size_in_bytes
        for each in found
    ]
    return ProgramMemory(max(needed), found[0].temp_size_in_bytes)


def device_memory() -> int | None:
    """Return the bytes that one device can hold, the least of all processes; None where it does not report them."""
    stats = jax.local_devices()[0].memory_stats()
    return least_memory(None if stats is None else stats.get("bytes_limit"))


def _train(
    changing: TrainState,
    base: Any,
    batch: Batch,
    learning_rate: jax.Array,
    key: jax.Array,
    *,
    micro: MicroBatch,
    skip: bool,
) -> tuple[TrainState, Metrics]:
    state, metrics = train_step(_join(changing, base), batch, learning_rate, key, micro, skip)
    return _split(state)[0], metrics


def _validate(changing: TrainState, base: Any, batch: Batch, micro: MicroBatch) -> Metrics:
    return validate_step(_join(changing, base), batch, micro)


def _split(state: TrainState) -> tuple[TrainState, Any]:
    """Split a state into what a step replaces, which is donated, and the frozen base, which is not."""
    return (state.replace(base_params=None), state.base_params) if isinstance(state, LoRATrainState) else (state, None)


def _join(changing: TrainState, base: Any) -> TrainState:
    return changing.replace(base_params=base) if isinstance(changing, LoRATrainState) else changing


def _abstract(shape: tuple[int, ...], dtype: Any, sharding: NamedSharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)


def _abstract_key(sharding: NamedSharding) -> jax.ShapeDtypeStruct:
    key = jax.eval_shape(lambda: jax.random.key(0))  # a scalar of the key type that jax is configured with
    return _abstract(key.shape, key.dtype, sharding)


def _abstract_batch(batch: BatchSpec, mesh: jax.sharding.Mesh) -> dict[str, jax.ShapeDtypeStruct]:
    sharding = batch_sharding(mesh)
    return {name: _abstract(batch.shape, jnp.dtype(dtype), sharding) for name, dtype in batch.dtypes.items()}
