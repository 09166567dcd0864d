"""Reads checkpoints back onto a mesh, and compares what arrived with what was trained."""

from __future__ import annotations

from typing import Any

import jax
import orbax.checkpoint as ocp

from runner.checkpoint.arrays import FINGERPRINTS, STATE, flat_arrays, like_tree, refuse_others, restore_arrays
from runner.checkpoint.fingerprint import Fingerprints
from runner.files.errors import storage_failures
from runner.files.seal import Sealed


def restore_tree(folder: Sealed, abstract: Any) -> Any:
    """Read the arrays of a verified folder into the shapes, types and shardings of `abstract`.

    `abstract` is a pytree of `jax.ShapeDtypeStruct` with shardings; the mesh may be another one than that
    which saved. Leaves that were saved and are not asked are not read. What has arrived on the devices is compared
    with what was trained. Raises Failure STORAGE.
    """
    flat = flat_arrays(abstract)
    onto_mesh = jax.tree.map(
        lambda leaf: ocp.ArrayRestoreArgs(sharding=leaf.sharding, global_shape=leaf.shape, dtype=leaf.dtype), flat
    )
    restored = restore_arrays(folder.path / STATE, flat, onto_mesh)
    with storage_failures(folder.path, "read"):
        refuse_others(folder.path, Fingerprints(restored).differing(folder.facts[FINGERPRINTS]))
    return like_tree(abstract, restored)
