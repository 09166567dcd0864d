"""Equal phases of the runs of one process share their programs: to trace them is most of a tiny run's time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
from flax.training.train_state import TrainState

from runner.train.compiled import CompiledPhase, compile_phase
from schema.spec import Spec

# What no program depends on. All else counts, whether a program reads it or not.
APART = {"data", "logging", "checkpoint", "export"}

Compile = Callable[[Spec, jax.sharding.Mesh, TrainState, int], CompiledPhase]


def traced_once() -> Compile:
    """Make a `compile_phase` that remembers what it compiled, by all that compilation reads.

    A state carries its model and its optimizer as functions. Those of another trainer are equal but not identical, and
    a program takes none but its own: they are put in its place for the call, and put back into what comes out.
    """
    made: dict[Any, tuple[CompiledPhase, dict[str, Any]]] = {}

    def compiled(spec: Spec, mesh: jax.sharding.Mesh, state: TrainState, micro_rows: int) -> CompiledPhase:
        leaves, _ = jax.tree_util.tree_flatten_with_path(state)
        shapes = tuple((jax.tree_util.keystr(path), x.shape, str(x.dtype), x.sharding) for path, x in leaves)
        key = (type(state), spec.model_dump_json(exclude=APART), mesh, micro_rows, shapes)
        if key not in made:
            made[key] = compile_phase(spec, mesh, state, micro_rows), {"apply_fn": state.apply_fn, "tx": state.tx}
            return made[key][0]
        phase, functions = made[key]

        def known(state: TrainState) -> TrainState:
            return state.replace(**functions)

        def train(state: TrainState, *arguments: Any) -> Any:
            changed, metrics = phase.train(known(state), *arguments)
            return changed.replace(apply_fn=state.apply_fn, tx=state.tx), metrics

        validate = phase.validate
        scored = None if validate is None else lambda state, batch: validate(known(state), batch)
        return replace(phase, train=train, validate=scored)

    return compiled
