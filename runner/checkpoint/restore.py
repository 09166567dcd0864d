"""Reads checkpoints back onto a mesh, and proves what arrived."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from runner.checkpoint.arrays import FINGERPRINTS, STATE, flat_arrays, like_tree, prove, refuse_others, restore_arrays
from runner.checkpoint.fingerprint import Fingerprints
from runner.checkpoint.manifest import verify_checkpoint
from runner.files.errors import storage_failures
from runner.files.seal import sealed_facts


def reread(folder: Path, state: Any) -> None:
    """Read a whole checkpoint again, and compare its arrays with the pytree that was trained.

    Raises Failure STORAGE.
    """
    verify_checkpoint(folder)
    prove(folder / STATE, Fingerprints(flat_arrays(state)))


def restore_tree(folder: Path, abstract: Any) -> Any:
    """Read the arrays of a sealed folder into the shapes, types and shardings of `abstract`.

    `abstract` is a pytree of `jax.ShapeDtypeStruct` with shardings; the mesh may be another one than that
    which saved. Leaves that were saved and are not asked are not read. What has arrived on the devices is compared
    with what was trained. Raises Failure STORAGE.
    """
    flat = flat_arrays(abstract)
    onto_mesh = jax.tree.map(
        lambda leaf: ocp.ArrayRestoreArgs(sharding=leaf.sharding, global_shape=leaf.shape, dtype=leaf.dtype), flat
    )
    restored = restore_arrays(folder / STATE, flat, onto_mesh)
    with storage_failures(folder, "read"):
        noted = sealed_facts(folder)[FINGERPRINTS]
        refuse_others(folder, Fingerprints(restored).differing(noted))
    return like_tree(abstract, restored)
