"""Constraints on where activations lie on the mesh of a traced step; without a mesh they do nothing."""

from __future__ import annotations

import jax
from jax.sharding import PartitionSpec

from schema.budget.mesh import AXIS_RULES


def spread_rows(x: jax.Array) -> jax.Array:
    """Keep the rows of x (b·t, d) on the devices that hold them, features whole."""
    return _constrain(x, PartitionSpec(dict(AXIS_RULES)["rows"]))


def gather_features(table: jax.Array) -> jax.Array:
    """Make each row of an embedding table whole before it is looked up.

    Otherwise the compiler looks up parts of rows for all tokens and moves those, a far larger array.
    """
    return _constrain(table, PartitionSpec(PartitionSpec.UNCONSTRAINED, None))


def _constrain(x: jax.Array, spec: PartitionSpec) -> jax.Array:
    # The mesh is that of `jax.set_mesh`, under which the programs of a phase are compiled.
    return x if jax.sharding.get_abstract_mesh().empty else jax.lax.with_sharding_constraint(x, spec)
