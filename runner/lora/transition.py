"""The change from phase full to phase lora."""

from __future__ import annotations

from typing import Any, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.training.train_state import TrainState
from flax.typing import Dtype

from runner.lora.adapters import freeze_base
from runner.lora.init import place_init
from runner.lora.state import LoRATrainState, create_adapters, lora_state_shape
from runner.mesh import state_sharding
from runner.models import Decoder
from runner.state import Stream, stream_key
from schema.spec import Spec


class Execution(Protocol):
    """The part of `ExecutionSpec` that the transition reads."""

    @property
    def spec(self) -> Spec:
        """The spec of the run."""


class TwoPhaseTrainer(Protocol):
    """The attributes of a trainer that `transition_to_lora` reads and replaces."""

    @property
    def spec(self) -> Execution:
        """The spec of the run, as the trainer received it."""

    mesh: jax.sharding.Mesh
    model: Decoder
    state: TrainState
    state_sharding: Any
    _in_lora_phase: bool


def transition_to_lora(trainer: TwoPhaseTrainer) -> None:
    """Freeze the trainer's parameters and replace its state by the first one of phase lora.

    Adapters and optimizer buffers are created on the devices that hold their part: A is split as its
    kernel's input axis is, B as the output axis; they are those of `optimization/lora/init` where that names some. The
    arrays of the full state are deleted.
    Updates `trainer.state`, `trainer.state_sharding`, `trainer._in_lora_phase`. Raises Failure INVALID
    when no parameter matches `optimization/lora/target_modules`, and as `read_init` does.
    """
    spec = trainer.spec.spec
    boxed = lora_state_shape(trainer.model, spec)
    sharding = state_sharding(trainer.mesh, boxed)
    base = _freeze_and_release(trainer.state, spec.architecture.dtype.activation, sharding.base_params)
    # Adapters depend on shapes only, so that the base is no argument of the program that creates them.
    shapes = nn.meta.unbox(boxed.base_params)
    optimizer = boxed.tx

    def create(key: jax.Array) -> LoRATrainState:
        adapters = create_adapters(shapes, spec, key)
        state = LoRATrainState.create(apply_fn=trainer.model.apply, params=adapters, tx=optimizer, base_params=None)
        return state.replace(step=jnp.zeros((), jnp.int32))

    # out_shardings: adapters and moments lie on their own devices from the start.
    created = jax.jit(create, out_shardings=sharding.replace(base_params=None))
    state = created(stream_key(spec.training.seed, Stream.ADAPTERS)).replace(base_params=base)
    trainer.state = state.replace(params=place_init(spec, state.params)) if spec.optimization.lora.init else state
    trainer.state_sharding = sharding
    trainer._in_lora_phase = True


def _freeze_and_release(state: TrainState, activation_dtype: Dtype, sharding: Any) -> Any:
    """Return the frozen base and delete every array of the state that is not part of it."""
    # The moments first, the largest part of the state under AdamW: the cast then fits in memory where a step did.
    jax.tree.map(lambda leaf: leaf.delete(), state.opt_state)
    base = jax.jit(lambda params: freeze_base(params, activation_dtype), out_shardings=sharding)(state.params)
    kept = {id(leaf) for leaf in jax.tree.leaves(base)}  # what needs no cast may be the same array
    for leaf in jax.tree.leaves(state.params):
        if id(leaf) not in kept:
            leaf.delete()
    return base
