"""What one step is: micro-batches, loss, gradient, update; pure functions of (state, batch).

The gradient is that of the mean over supervised tokens of the whole batch. Sums are accumulated over
micro-batches and devices and divided once, so that the gradient does not depend on how a batch is cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax.training.train_state import TrainState
from jax.sharding import PartitionSpec

from runner.lora.state import LoRATrainState
from runner.models import chunk_positions, cross_entropy
from schema.budget.activations import CHUNK_TOKENS
from schema.budget.mesh import AXIS_RULES

Batch = dict[str, jax.Array]  # the arrays of a `runner.data.batch.BatchSpec`, each (b, t)


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """How a batch is cut: `devices` parts side by side, each in micro-batches of `rows` rows."""

    devices: int
    rows: int


def train_step(
    state: TrainState, batch: Batch, learning_rate: jax.Array, key: jax.Array, micro: MicroBatch, skip: bool = False
) -> tuple[TrainState, dict[str, jax.Array]]:
    """Take one step; return the new state and the metrics.

    The batch's rows must be a multiple of `micro.devices` × `micro.rows`. `key` is the phase's key for
    dropout; the step's own is derived from it and `state.step`. Metrics are scalars: `loss` (mean over
    supervised tokens, nats), `grad_norm` (before clipping), `supervised_tokens` (int32), `finite` (bool:
    loss, gradient and update are). A batch without supervised tokens has loss and gradient zero, which are
    not reported. With `skip` a step that is not finite changes nothing but the number of the step.
    """
    key = jax.random.fold_in(key, state.step)  # a resumed step draws the same dropout masks
    gradient_of = jax.value_and_grad(_sum_of_losses, has_aux=True)

    def add(carry: Any, numbered: tuple[jax.Array, Batch]) -> tuple[Any, None]:
        index, part = numbered
        (loss, tokens), gradient = gradient_of(state.params, state, part, jax.random.fold_in(key, index), micro)
        return jax.tree.map(lambda total, x: total + x.astype(total.dtype), carry, (loss, tokens, gradient)), None

    parts = _micro_batches(batch, micro)  # arrays (micro-batches, rows of one, t)
    # Sums are at least float32 and one gradient is held, not one a micro-batch: memory does not grow with their number.
    zeros = jax.tree.map(lambda w: jnp.zeros(w.shape, jnp.promote_types(w.dtype, jnp.float32)), state.params)
    start = (jnp.zeros((), jnp.float32), jnp.zeros((), jnp.int32), zeros)
    (loss, tokens, gradient), _ = jax.lax.scan(add, start, (jnp.arange(parts["tokens"].shape[0]), parts))

    # Divided once, by the tokens of the whole batch: a mean of micro-batch means would weight tokens by how many
    # supervised ones their micro-batch holds. Without any, the sums are 0 and so are loss and gradient.
    supervised = jnp.maximum(tokens, 1).astype(jnp.float32)
    gradient = jax.tree.map(lambda g: g / supervised, gradient)
    updates, opt_state = state.tx.update(gradient, state.opt_state, state.params)
    # The optimizer gives −(direction + decay); the rate comes from the host each step, so no schedule is compiled in.
    params = optax.apply_updates(state.params, jax.tree.map(lambda u: learning_rate * u, updates))
    loss, grad_norm = loss / supervised, optax.tree.norm(gradient)
    # One element that is not finite makes its tree's norm so too: three scalars stand for every array.
    finite = jnp.isfinite(loss) & jnp.isfinite(grad_norm) & jnp.isfinite(learning_rate * optax.tree.norm(updates))
    if skip:
        # A choice by element, not a branch of the host, which would have to wait for the devices.
        kept, made = (state.params, state.opt_state), (params, opt_state)
        params, opt_state = jax.tree.map(lambda old, new: jnp.where(finite, new, old), kept, made)
    return state.replace(step=state.step + 1, params=params, opt_state=opt_state), {
        "loss": loss,
        "grad_norm": grad_norm,
        "supervised_tokens": tokens,
        "finite": finite,
    }


def validate_step(state: TrainState, batch: Batch, micro: MicroBatch) -> dict[str, jax.Array]:
    """Return `loss_sum` (nats) and `supervised_tokens` of a batch, without dropout."""

    def add(carry: Any, part: Batch) -> tuple[Any, None]:
        loss, tokens = _sum_of_losses(state.params, state, part, None, micro)
        return (carry[0] + loss.astype(jnp.float32), carry[1] + tokens), None

    start = (jnp.zeros((), jnp.float32), jnp.zeros((), jnp.int32))
    (loss, tokens), _ = jax.lax.scan(add, start, _micro_batches(batch, micro))
    return {"loss_sum": loss, "supervised_tokens": tokens}


def _sum_of_losses(
    trainable: Any, state: TrainState, batch: Batch, key: jax.Array | None, micro: MicroBatch
) -> tuple[jax.Array, jax.Array]:
    """Return the sum of losses over supervised tokens and their number; without key there is no dropout."""
    in_lora_phase = isinstance(state, LoRATrainState)
    # Collections of variables. Phase full trains params; phase lora trains lora_A and lora_B, and params are frozen.
    trained = trainable if in_lora_phase else {"params": trainable}
    frozen = {"params": state.base_params} if in_lora_phase else {}
    deterministic, keys = key is None, {} if key is None else {"dropout": key}
    inputs = (batch["tokens"], batch.get("positions"), batch.get("segments"))
    # (b, t) → (b, t, d). The head is applied apart, so that logits exist for one chunk of positions at a time.
    hidden = state.apply_fn({**trained, **frozen}, *inputs, deterministic, rngs=keys, method="hidden")
    chunk = chunk_positions(micro.rows, hidden.shape[1], CHUNK_TOKENS)
    head, name = _head(state.apply_fn, deterministic), head_name((trained | frozen)["params"])
    # The head's own part of each collection: the loss accumulates a gradient the size of what it is given.
    of_head = ({kind: {name: tree[name]} for kind, tree in part.items()} for part in (trained, frozen))
    trained_head, frozen_head = of_head
    labels = (batch["targets"], batch["mask"])  # each (b, t)
    return cross_entropy(head, trained_head, (frozen_head, key), hidden, labels, chunk)


def head_name(params: Any) -> str:
    """Return the name of the module that computes logits: lm_head, or the token embedding where they are tied."""
    return "lm_head" if "lm_head" in params else "wte"


def _head(apply_fn: Callable[..., jax.Array], deterministic: bool) -> Callable[..., jax.Array]:
    def head(trained: Any, frozen: Any, hidden: jax.Array, chunk: jax.Array) -> jax.Array:
        variables, key = frozen
        keys = {} if key is None else {"dropout": jax.random.fold_in(key, chunk)}  # chunks draw different masks
        return apply_fn({**trained, **variables}, hidden, deterministic, rngs=keys, method="head")

    return head


def _micro_batches(batch: Batch, micro: MicroBatch) -> Batch:
    """Cut (b, t) into (micro-batches, devices · rows, t) so that no row leaves its device."""

    def cut(x: jax.Array) -> jax.Array:
        # Device i holds rows i · b / devices onwards. (b, t) → (devices, micro-batches, rows, t) → micro-batches first:
        # each has `rows` rows of every device. Micro-batches of consecutive rows would move rows to other devices.
        parts = x.reshape(micro.devices, -1, micro.rows, *x.shape[1:]).swapaxes(0, 1)
        parts = parts.reshape(-1, micro.devices * micro.rows, *x.shape[1:])
        if jax.sharding.get_abstract_mesh().empty:
            return parts
        return jax.lax.with_sharding_constraint(parts, PartitionSpec(None, dict(AXIS_RULES)["rows"]))

    return jax.tree.map(cut, batch)
