"""The fused cross-entropy against the plain one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from runner.models import chunk_positions, cross_entropy


def head(trainable: Any, frozen: Any, hidden: jax.Array, chunk: jax.Array) -> jax.Array:
    del chunk
    return hidden @ frozen + (hidden @ trainable["a"]) @ trainable["b"]


def plain(trainable: Any, frozen: Any, hidden: jax.Array, targets: jax.Array, mask: jax.Array) -> jax.Array:
    logits = head(trainable, frozen, hidden, jnp.zeros((), jnp.int32))
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], axis=-1)[..., 0]
    return -jnp.sum(chosen * mask)


def example(rows: int, positions: int) -> tuple[Any, ...]:
    random = np.random.default_rng(0)
    trainable = {"a": random.normal(size=(6, 2)), "b": random.normal(size=(2, 13)), "none": None}
    targets = random.integers(0, 13, (rows, positions))
    mask = np.arange(positions) < random.integers(0, positions + 1, (rows, 1))
    return jax.tree.map(
        jnp.asarray, (trainable, random.normal(size=(6, 13)), random.normal(size=(rows, positions, 6)), targets, mask)
    )


@pytest.mark.parametrize(("rows", "positions", "chunk"), [(3, 7, 2), (2, 8, 4), (1, 5, 5), (4, 3, 1)])
def test_value_and_gradients_are_those_of_the_plain_loss(rows: int, positions: int, chunk: int) -> None:
    with jax.enable_x64(True):
        trainable, frozen, hidden, targets, mask = example(rows, positions)

        def fused(trainable: Any, hidden: jax.Array) -> jax.Array:
            loss, tokens = cross_entropy(head, trainable, frozen, hidden, (targets, mask), chunk)
            assert tokens.dtype == jnp.int32
            return 3.0 * loss / jnp.maximum(tokens, 1)

        def reference(trainable: Any, hidden: jax.Array) -> jax.Array:
            return 3.0 * plain(trainable, frozen, hidden, targets, mask) / jnp.maximum(1, mask.sum())

        ours = jax.jit(jax.value_and_grad(fused, argnums=(0, 1)))(trainable, hidden)
        theirs = jax.jit(jax.value_and_grad(reference, argnums=(0, 1)))(trainable, hidden)
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12), ours, theirs)
        np.testing.assert_allclose(jax.jit(fused)(trainable, hidden), theirs[0], rtol=1e-12)


def test_a_mask_of_zeros_has_no_loss_and_no_gradient() -> None:
    trainable, frozen, hidden, targets, mask = example(2, 5)

    def loss(trainable: Any, hidden: jax.Array) -> jax.Array:
        return cross_entropy(head, trainable, frozen, hidden, (targets, mask * 0), 2)[0]

    value, gradients = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(trainable, hidden)
    assert value == 0
    assert all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(gradients))


def test_logits_of_the_whole_batch_never_exist() -> None:
    trainable, frozen, hidden, targets, mask = example(4, 8)
    gradient = jax.grad(lambda w: cross_entropy(head, w, frozen, hidden, (targets, mask), 2)[0])
    largest = _largest(jax.make_jaxpr(gradient)(trainable).jaxpr)
    assert largest < 4 * 8 * 13


def _largest(jaxpr: Any) -> int:
    sizes = [0]
    for equation in jaxpr.eqns:
        sizes += [variable.aval.size for variable in equation.outvars if variable.aval.shape[-1:] == (13,)]
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                sizes.append(_largest(inner))
    return max(sizes)


@pytest.mark.parametrize(
    ("rows", "positions", "tokens", "expected"),
    [(1, 512, 1024, 512), (4, 512, 1024, 256), (3, 100, 100, 25), (8, 7, 4, 1)],
)
def test_chunks_are_equal_and_hold_about_the_tokens_asked(
    rows: int, positions: int, tokens: int, expected: int
) -> None:
    assert chunk_positions(rows, positions, tokens) == expected
