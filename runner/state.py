"""The state of phase full, and how any state is created: its shapes and axes first, then each part on its device.

A boxed tree carries each array's logical axes (flax's `LogicallyPartitioned`); a plain one does not.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.training.train_state import TrainState
from flax.traverse_util import unflatten_dict

from runner.mesh import state_sharding
from runner.models import Decoder
from runner.optimizers import build_optimizer
from schema.families import Parameter, parameters
from schema.optimizers import Slot, load_slots, optimizer_of, state_slots
from schema.sections.optimization import Optimization
from schema.spec import Spec


class Stream(IntEnum):
    """Independent streams of randomness under one `training/seed`; another number changes what a seed means."""

    WEIGHTS = 0
    ADAPTERS = 1
    DROPOUT_FULL = 2
    DROPOUT_LORA = 3


def stream_key(seed: int, stream: Stream) -> jax.Array:
    """Derive the key of one stream."""
    return jax.random.fold_in(jax.random.key(seed), stream)


def boxed_parameters(model: Decoder, key: jax.Array) -> Any:
    """Initialise the parameters, boxed; under `jax.eval_shape` only their shapes."""
    # One token (1, 1): no parameter's shape depends on b or t.
    return model.init(key, jnp.zeros((1, 1), jnp.int32))["params"]


def declared_parameters(spec: Spec) -> Any:
    """Return the shapes of the parameters, boxed, as the family declares them: to trace the model costs far more."""
    architecture = spec.architecture
    return unflatten_dict(
        {
            each.path: nn.LogicallyPartitioned(jax.ShapeDtypeStruct(each.shape, architecture.dtype.param), each.axes)
            for each in parameters(architecture)
        },
        sep="/",
    )


def create_full_state(model: Decoder, spec: Spec, mesh: jax.sharding.Mesh) -> tuple[TrainState, Any]:
    """Return the first state of phase full and its shardings.

    No array that is split exists whole on a device. Weights depend on `training/seed`, not on the mesh.
    """
    # Shapes → shardings → jit with out_shardings: each device computes its own part of every array.
    build = _full_state_builder(model, spec)
    key = stream_key(spec.training.seed, Stream.WEIGHTS)
    sharding = state_sharding(mesh, jax.eval_shape(build, declared_parameters(spec)))
    create = jax.jit(lambda key: nn.meta.unbox(build(boxed_parameters(model, key))), out_shardings=sharding)
    return create(key), sharding


def abstract_full_state(model: Decoder, spec: Spec, mesh: jax.sharding.Mesh) -> TrainState:
    """Return the state of phase full as shapes, types and shardings, for a checkpoint to be restored into."""
    return abstract(mesh, jax.eval_shape(_full_state_builder(model, spec), declared_parameters(spec)))


def abstract(mesh: jax.sharding.Mesh, boxed: Any) -> Any:
    """Turn a boxed abstract state into plain `ShapeDtypeStruct`s that carry their shardings."""
    return jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
        nn.meta.unbox(boxed),
        state_sharding(mesh, boxed),
    )


def boxed_slots(opt_state: Any, boxed: Any, optimization: Optimization, phase: Literal["full", "lora"]) -> Any:
    """Box each array of an optimizer's state with the axes that `schema.optimizers` declares for it.

    `boxed` are the trained parameters with their axes. Raises ValueError when the state's arrays differ from the
    declared ones in number, shape or type: the plan's bytes and the shardings would both be wrong.
    """
    flat = jax.tree_util.tree_leaves_with_path(boxed, is_leaf=lambda leaf: isinstance(leaf, nn.meta.AxisMetadata))
    # The declarations that the plan counts bytes by, of each trained parameter: (slot, *path) → shape, type, axes.
    weights = [Parameter("/".join(_names(path)), box.value.shape, box.names) for path, box in flat]
    kind = load_slots(optimizer_of(optimization, phase))
    declared: dict[tuple[str, ...], Slot] = {(slot.name,): slot for slot in kind.SHARED}
    for weight in weights:
        declared |= {(slot.name, *weight.path.split("/")): slot for slot in kind.slots(weight, optimization)}
    every = len([*state_slots(optimization, phase, weights)])
    if (held := len(jax.tree.leaves(opt_state))) != every:
        raise ValueError(f"the optimizer holds {held} arrays, and {every} slots are declared")

    def box(path: Any, leaf: Any) -> Any:
        names = _names(path)  # a slot's name and its parameter's path end it: 0/mu/blocks/attn/q_proj/kernel
        slot = next((declared[names[cut:]] for cut in range(len(names)) if names[cut:] in declared), None)
        if slot is None or (leaf.shape, leaf.dtype) != (slot.shape, slot.dtype):
            raise ValueError(f"{'/'.join(names)} of the optimizer is {leaf.dtype}{leaf.shape}, declared as {slot}")
        return nn.LogicallyPartitioned(leaf, slot.axes)

    return jax.tree_util.tree_map_with_path(box, opt_state)


def _full_state_builder(model: Decoder, spec: Spec) -> Any:
    optimizer = build_optimizer(spec.optimization, "full")

    def build(boxed: Any) -> TrainState:
        # optax sees plain arrays; boxes come back around its slots, since a slot can have another rank than its weight.
        state = TrainState.create(apply_fn=model.apply, params=nn.meta.unbox(boxed), tx=optimizer)
        slots = boxed_slots(state.opt_state, boxed, spec.optimization, "full")
        return state.replace(step=jnp.zeros((), jnp.int32), params=boxed, opt_state=slots)

    return build


def _names(path: Any) -> tuple[str, ...]:
    return tuple(jax.tree_util.keystr((part,), simple=True) for part in path)
