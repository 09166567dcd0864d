"""Adafactor (Shazeer and Stern 2018) without momentum, as `optax.adafactor` computes it, for stacked layers.

optax factors the two longest axes of an array, among which can be that of the layers, and clips a stack as one. Here
the last two axes of a stack (layers, in, out) are a matrix, and each layer is clipped on its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from schema.optimizers.adafactor.keys import Adafactor
from schema.optimizers.adafactor.slots import is_factored, own_dimensions
from schema.sections.optimization import Optimization

LEAST_SCALE = 1e-3  # an update is multiplied by its parameter's root mean square, at least this: zeros can move


class AdafactorState(NamedTuple):
    """The number of steps and second moments in float32: `v_row` (…, in) and `v_col` (…, out) of a matrix (…, in, out).

    `v` is the whole second moment of a parameter that is not factored. The three trees are like the parameters', with
    MaskedNode where there is no array.
    """

    steps: jax.Array
    v_row: Any
    v_col: Any
    v: Any


@dataclass(frozen=True, slots=True)
class _Step:
    """The update of one parameter and its new moments; not a pytree, so that `jax.tree.map` treats it as a leaf."""

    update: jax.Array
    v_row: Any
    v_col: Any
    v: Any


def build(optimization: Optimization) -> optax.GradientTransformation:
    """Divide gradients by the root of their second moments, clip each matrix's update, scale it by its weights."""
    keys = optimization.adafactor

    def init(params: Any) -> AdafactorState:
        def zeros(factored: bool, shape: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Any:
            def create(path: Any, w: jax.Array) -> Any:
                kept = is_factored(_written(path), w.shape, keys.min_dim_size_to_factor) == factored
                return jnp.zeros(shape(w.shape), jnp.float32) if kept else optax.MaskedNode()

            return jax.tree_util.tree_map_with_path(create, params)

        v_row, v_col = zeros(True, lambda s: s[:-1]), zeros(True, lambda s: (*s[:-2], s[-1]))
        return AdafactorState(jnp.zeros((), jnp.int32), v_row, v_col, zeros(False, lambda s: s))

    def update(gradients: Any, state: AdafactorState, params: Any) -> tuple[Any, AdafactorState]:
        # 1 − step^−decay_rate (section 7): 0 at the first step, so that there is no bias to correct, and towards 1.
        decay = 1.0 - (state.steps + 1).astype(jnp.float32) ** -keys.decay_rate

        def step(path: Any, gradient: jax.Array, v_row: Any, v_col: Any, v: Any, w: jax.Array) -> _Step:
            squares = jnp.square(gradient) + keys.eps  # (…, in, out)
            # Means over out (…, in) and over in (…, out): in + out numbers a matrix instead of in · out.
            v_row, v_col = _averaged(v_row, squares, decay, -1), _averaged(v_col, squares, decay, -2)
            v = _averaged(v, squares, decay)
            axes = tuple(range(-own_dimensions(_written(path)), 0))
            return _Step(_clipped(gradient * _inverse_root(v_row, v_col, v), w, axes, keys), v_row, v_col, v)

        steps = jax.tree_util.tree_map_with_path(step, gradients, state.v_row, state.v_col, state.v, params)
        moments = (jax.tree.map(lambda s, name=name: getattr(s, name), steps) for name in ("v_row", "v_col", "v"))
        return jax.tree.map(lambda s: s.update, steps), AdafactorState(optax.safe_increment(state.steps), *moments)

    return optax.GradientTransformation(init, update)


def _averaged(moment: Any, squares: jax.Array, decay: jax.Array, axis: int | None = None) -> Any:
    """Return the moving average of squared gradients, or of their mean over an axis; a MaskedNode as it is."""
    if isinstance(moment, optax.MaskedNode):
        return moment
    return decay * moment + (1.0 - decay) * (squares if axis is None else squares.mean(axis))


def _inverse_root(v_row: Any, v_col: Any, v: Any) -> jax.Array:
    """Return 1 / √v, the shape of the parameter; factored, v is about v_row ⊗ v_col / mean(v_row) (algorithm 4)."""
    if not isinstance(v, optax.MaskedNode):
        return jax.lax.rsqrt(v)
    # Two roots and their outer product, not the root of v_row ⊗ v_col, which could underflow.
    rows = jax.lax.rsqrt(v_row / v_row.mean(-1, keepdims=True))
    return rows[..., :, None] * jax.lax.rsqrt(v_col)[..., None, :]


def _clipped(update: jax.Array, w: jax.Array, axes: tuple[int, ...], keys: Adafactor) -> jax.Array:
    """Clip an update's root mean square over a parameter's own axes; multiply the update by that of the weights."""
    if keys.clipping_threshold is not None:
        update = update / jnp.maximum(1.0, _rms(update, axes) / keys.clipping_threshold)
    if keys.multiply_by_parameter_scale:
        update = update * jnp.maximum(_rms(w.astype(jnp.float32), axes), LEAST_SCALE)
    return update


def _rms(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    return jnp.sqrt(jnp.mean(jnp.square(x), axes, keepdims=True))


def _written(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
