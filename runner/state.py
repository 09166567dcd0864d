"""The state of phase full, and how any state is born: abstract with its axes first, then where it belongs.

A boxed tree carries each array's logical axes (flax's `LogicallyPartitioned`); a plain one does not.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.training.train_state import TrainState

from runner.mesh import state_sharding
from runner.models import Decoder
from runner.optimizers import build_optimizer
from schema.spec import Spec


class Stream(IntEnum):
    """Independent streams of randomness under one `training/seed`."""

    WEIGHTS = 0
    ADAPTERS = 1
    DROPOUT_FULL = 2
    DROPOUT_LORA = 3


def stream_key(seed: int, stream: Stream) -> jax.Array:
    """Derive the key of one stream."""
    return jax.random.fold_in(jax.random.key(seed), stream)


def boxed_parameters(model: Decoder, key: jax.Array) -> Any:
    """Initialise the parameters, boxed; under `jax.eval_shape` only their shapes."""
    return model.init(key, jnp.zeros((1, 1), jnp.int32))["params"]


def create_full_state(model: Decoder, spec: Spec, mesh: jax.sharding.Mesh) -> tuple[TrainState, Any]:
    """Return the first state of phase full and its shardings; no array exists whole on one device on the way.

    Weights depend on `training/seed` alone, not on the mesh.
    """
    build = _full_state_builder(model, spec)
    key = stream_key(spec.training.seed, Stream.WEIGHTS)
    sharding = state_sharding(mesh, jax.eval_shape(build, key))
    return jax.jit(lambda key: nn.meta.unbox(build(key)), out_shardings=sharding)(key), sharding


def abstract_full_state(model: Decoder, spec: Spec, mesh: jax.sharding.Mesh) -> TrainState:
    """Return the state of phase full as shapes, types and shardings, for a checkpoint to be restored into."""
    return abstract(mesh, jax.eval_shape(_full_state_builder(model, spec), jax.random.key(0)))


def abstract(mesh: jax.sharding.Mesh, boxed: Any) -> Any:
    """Turn a boxed abstract state into plain `ShapeDtypeStruct`s that carry their shardings."""
    return jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
        nn.meta.unbox(boxed),
        state_sharding(mesh, boxed),
    )


def _full_state_builder(model: Decoder, spec: Spec) -> Any:
    optimizer = build_optimizer(spec.optimization)

    def build(key: jax.Array) -> TrainState:
        state = TrainState.create(apply_fn=model.apply, params=boxed_parameters(model, key), tx=optimizer)
        return state.replace(step=jnp.zeros((), jnp.int32))

    return build
