"""Fused cross-entropy: loss and gradient of a language model's head, one chunk of positions after the other.

Logits (b, t, v) in float32 can be the largest array of a step. Only those of a chunk exist, (b, tc, v) with tc
positions. The forward pass also computes the chunk's gradient, so that no logits are computed twice. The backward
pass only scales.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

# (trainable, frozen, hidden (b, tc, d), index of the chunk) → logits (b, tc, v), in at least float32
Head = Callable[[Any, Any, jax.Array, jax.Array], jax.Array]
Chunks = tuple[jax.Array, jax.Array, jax.Array]  # hidden, targets, mask, each (chunks, b, tc, …)
Labels = tuple[jax.Array, jax.Array]  # targets (b, t) int32 and mask (b, t), 1 where a token is supervised


def cross_entropy(
    head: Head, trainable: Any, frozen: Any, hidden: jax.Array, labels: Labels, chunk_positions: int
) -> tuple[jax.Array, jax.Array]:
    """Return the sum of −log softmax(logits)[target] over the mask, and the number of supervised tokens.

    `hidden` is (b, t, d). Gradients flow to `hidden` and `trainable`; `frozen` gets none, so a frozen
    head costs no gradient of its weights. `head` must not close over traced values. Chunks are cut
    along positions, so that rows stay on their devices; t need not be a multiple of `chunk_positions`.
    """
    targets, mask = labels
    # (b, t, d), (b, t), (b, t) → (chunks, b, tc, d), (chunks, b, tc), (chunks, b, tc): the scan runs over chunks.
    chunks = tuple(_chunk(x, chunk_positions) for x in (hidden, targets, mask.astype(jnp.float32)))
    return _sum_of_losses(head, trainable, frozen, chunks), mask.sum(dtype=jnp.int32)


def chunk_positions(rows: int, positions: int, tokens: int) -> int:
    """Return the positions of a chunk: chunks are equally long and hold about `tokens` tokens at most."""
    chunks = -(-positions // max(1, tokens // rows))  # one position at least, however many the rows are
    return -(-positions // chunks)


def _chunk(x: jax.Array, size: int) -> jax.Array:
    """Cut (b, t, …) into (chunks, b, size, …), padded with zeros: a padded position has mask 0 and adds no loss."""
    rows, positions = x.shape[:2]
    chunks = -(-positions // size)
    padding = [(0, 0)] * x.ndim
    padding[1] = (0, chunks * size - positions)
    return jnp.moveaxis(jnp.pad(x, padding).reshape(rows, chunks, size, *x.shape[2:]), 1, 0)


@partial(jax.custom_vjp, nondiff_argnums=(0,))  # `head` is a function: it has no gradient
def _sum_of_losses(head: Head, trainable: Any, frozen: Any, chunks: Chunks) -> jax.Array:
    # Validation runs this, without gradients. Under differentiation jax runs `_forward` and `_backward` instead.
    def add(total: jax.Array, chunk: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        index, hidden, targets, mask = chunk
        loss, _ = _loss_of_chunk(head(trainable, frozen, hidden, index), targets, mask)
        return total + loss, None

    return jax.lax.scan(add, _zero(chunks[0]), _indexed(chunks))[0]


def _forward(head: Head, trainable: Any, frozen: Any, chunks: Chunks) -> tuple[jax.Array, tuple[Any, jax.Array]]:
    def add(carry: tuple[jax.Array, Any], chunk: tuple[jax.Array, ...]) -> tuple[tuple[jax.Array, Any], jax.Array]:
        total, gradient = carry
        index, hidden, targets, mask = chunk
        logits, pull_back = jax.vjp(lambda w, x: head(w, frozen, x, index), trainable, hidden)  # (b, tc, v)
        loss, probabilities = _loss_of_chunk(logits, targets, mask)
        # loss = Σ mask · (logsumexp(z) − z[target]), so its gradient in z is mask · (softmax(z) − onehot(target)).
        # The one-hot is a comparison with 0 … v - 1: elementwise, where a scatter is not.
        onehot = jax.lax.broadcasted_iota(targets.dtype, logits.shape, 2) == targets[..., None]
        of_weights, of_hidden = pull_back((probabilities - onehot) * mask[..., None].astype(logits.dtype))
        # Weights serve every chunk: their gradients add up. Hidden positions serve one: the scan stacks theirs.
        return (total + loss, jax.tree.map(jnp.add, gradient, of_weights)), of_hidden

    # At least float32: a sum of many chunks in 16 bits would stop growing.
    zeros = jax.tree.map(lambda w: jnp.zeros(w.shape, jnp.promote_types(w.dtype, jnp.float32)), trainable)
    (total, gradient), of_hidden = jax.lax.scan(add, (_zero(chunks[0]), zeros), _indexed(chunks))
    # `of_hidden` is (chunks, b, tc, d), like the hidden part of `chunks`; jax maps it back through `_chunk`.
    gradient = jax.tree.map(lambda g, w: g.astype(w.dtype), gradient, trainable)
    return total, (gradient, of_hidden)


def _backward(head: Head, kept: tuple[Any, jax.Array], cotangent: jax.Array) -> tuple[Any, None, Any]:
    del head
    # `cotangent` () is the derivative of the objective by this sum. The chain rule multiplies by it, nothing else.
    gradient, of_hidden = jax.tree.map(lambda g: (g * cotangent).astype(g.dtype), kept)
    return gradient, None, (of_hidden, None, None)  # None is zero: of `frozen`, targets and mask


_sum_of_losses.defvjp(_forward, _backward)


def _loss_of_chunk(logits: jax.Array, targets: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return a chunk's sum of losses () in nats and its probabilities (b, tc, v)."""
    normaliser = jax.nn.logsumexp(logits, axis=-1, keepdims=True)  # (b, tc, 1)
    chosen = jnp.take_along_axis(logits, targets[..., None], axis=-1)
    losses = (normaliser - chosen)[..., 0]
    return jnp.sum(losses * mask.astype(losses.dtype)), jnp.exp(logits - normaliser)


def _zero(hidden: jax.Array) -> jax.Array:
    # The sum of losses is at least float32, as the logits are, whatever the activations are.
    return jnp.zeros((), jnp.promote_types(hidden.dtype, jnp.float32))


def _indexed(chunks: Chunks) -> tuple[jax.Array, ...]:
    # The index of a chunk goes to `head`, which derives the chunk's own dropout key from it.
    return (jnp.arange(chunks[0].shape[0]), *chunks)
