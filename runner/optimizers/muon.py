"""Muon (Jordan et al. 2024): the momentum of a block's matrices, orthogonalised; AdamW trains everything else."""

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
    """Part the parameters between Muon and AdamW; a stack (layers, in, out) is orthogonalised layer by layer."""
    keys = optimization.muon
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
    """Name for each leaf the kind that trains it."""

    def kind(path: Any, _: Any) -> str:
        return "muon" if is_orthogonalised(jax.tree_util.keystr(path, simple=True, separator="/")) else "adamw"

    return jax.tree_util.tree_map_with_path(kind, params)


def _in_and_out(updates: Any) -> Any:
    """Say that the last two axes of every matrix are its own."""
    return jax.tree.map(lambda _: MuonDimensionNumbers(reduction_axis=-2, output_axis=-1), updates)


def _scaled(update: jax.Array, rms: float | None) -> jax.Array:
    """Scale an orthogonal update (…, in, out), whose root mean square is about 1 / √max(in, out).

    By √max(in, out) · rms it becomes `rms` (Liu et al. 2025, Muon is scalable); without `rms` by √max(1, out / in),
    so that it changes what a layer gives by as much at every width (Bernstein et al. 2024).
    """
    inputs, outputs = update.shape[-2:]
    factor = max(1.0, outputs / inputs) ** 0.5 if rms is None else max(inputs, outputs) ** 0.5 * rms
    return update * factor
