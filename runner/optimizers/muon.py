"""Muon (Jordan et al. 2024): the momentum of a block's matrices, orthogonalised; AdamW trains all other parameters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from optax.contrib import MuonDimensionNumbers, scale_by_muon

from runner.optimizers import adamw
from schema.optimizers.muon.slots import is_orthogonalised
from schema.sections.optimization import Optimization


def build(optimization: Optimization) -> optax.GradientTransformation:
    """Split the parameters between Muon and AdamW; a stack (l, in, out) is orthogonalised layer by layer."""
    keys = optimization.muon
    # The momentum M = U S Vᵀ (in, out) becomes about U Vᵀ by Newton-Schulz iterations: its singular values near 1.
    muon = optax.chain(
        scale_by_muon(
            beta=keys.beta,
            nesterov=keys.nesterov,
            ns_steps=keys.ns_steps,
            eps=keys.eps,
            mu_dtype=jnp.float32,
            weight_dimension_numbers=_in_and_out,
        ),
        optax.stateless(lambda updates, _: jax.tree.map(lambda u: _scaled(u, keys.consistent_rms), updates)),
    )
    return optax.partition({"muon": muon, "adamw": adamw.build(optimization)}, _kinds)


def _kinds(params: Any) -> Any:
    """Map each leaf to the name of the kind that trains it."""

    def kind(path: Any, _: Any) -> str:
        return "muon" if is_orthogonalised(jax.tree_util.keystr(path, simple=True, separator="/")) else "adamw"

    return jax.tree_util.tree_map_with_path(kind, params)


def _in_and_out(updates: Any) -> Any:
    """Map each matrix to its axes (in, out), the last two; optax maps over the others, that of the layers."""
    return jax.tree.map(lambda _: MuonDimensionNumbers(reduction_axis=-2, output_axis=-1), updates)


def _scaled(update: jax.Array, rms: float | None) -> jax.Array:
    """Scale an orthogonal update (…, in, out), whose root mean square is about 1 / √max(in, out).

    With `rms` the factor is √max(in, out) · rms, so that the root mean square is `rms` (Liu et al. 2025, Muon is
    Scalable). Without, it is √max(1, out / in), so that an update changes a layer's output by as much at every width
    (Bernstein et al. 2024).
    """
    inputs, outputs = update.shape[-2:]
    factor = max(1.0, outputs / inputs) ** 0.5 if rms is None else max(inputs, outputs) ** 0.5 * rms
    return update * factor
