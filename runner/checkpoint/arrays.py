"""Arrays in a folder: orbax writes and reads them, fingerprints compare them with what was trained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from runner.checkpoint.fingerprint import Fingerprints, noted_on_host
from runner.failure import ExitCode, Failure
from runner.files.errors import storage_failures
from runner.files.orbax_noise import quiet_loggers

STATE, FINGERPRINTS = "state", "fingerprints"  # of a sealed folder: where the arrays are, what they are
READ_AT_ONCE = 2**28  # bytes of arrays that are in the host's memory while a checkpoint is read back


def tree_bytes(tree: Any) -> int:
    """Bytes of a pytree of arrays."""
    return sum(int(leaf.nbytes) for leaf in jax.tree.leaves(tree))


def tree_digest(tree: Any) -> str:
    """sha256 over the paths, types, shapes and bytes of a pytree of arrays, one leaf in memory at a time."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree.leaves_with_path(tree):
        array = np.ascontiguousarray(jax.device_get(leaf))
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}\n".encode())
        digest.update(array.view(np.uint8).data if array.ndim else array.tobytes())
    return digest.hexdigest()


def flat_arrays(tree: Any) -> dict[str, Any]:
    """A tree as one dictionary by path, so that what is stored depends on no library's container types."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def like_tree(abstract: Any, flat: dict[str, Any]) -> Any:
    """Give the leaves of a flat dictionary the structure of a tree."""
    leaves, structure = jax.tree.flatten_with_path(abstract)
    return jax.tree.unflatten(structure, [flat[jax.tree_util.keystr(path)] for path, _ in leaves])


def prove(folder: Path, trained: Fingerprints) -> None:
    """Read arrays back into the host's memory, some at a time, and compare them with those that were trained.

    Raises Failure STORAGE.
    """
    noted = trained.noted()
    for part in _portions(trained.shapes):
        as_arrays = {name: ocp.RestoreArgs(restore_type=np.ndarray, dtype=leaf.dtype) for name, leaf in part.items()}
        read = noted_on_host(restore_arrays(folder, part, as_arrays))
        refuse_others(folder.parent, [name for name, text in read.items() if text != noted[name]])


def _portions(shapes: dict[str, jax.ShapeDtypeStruct]) -> Iterator[dict[str, jax.ShapeDtypeStruct]]:
    """Divide arrays into portions that fit into memory together."""
    portion, size = {}, 0
    for name, shape in shapes.items():
        portion[name], size = shape, size + shape.size * shape.dtype.itemsize
        if size >= READ_AT_ONCE:
            yield portion
            portion, size = {}, 0
    if portion:
        yield portion


def refuse_others(folder: Path, differing: list[str]) -> None:
    """Raise Failure STORAGE where arrays differ from what was trained."""
    if differing:
        raise Failure(
            f"{folder} does not hold what was trained: {differing[0]} is not what was written; run the same "
            "command again, and have this disk looked after if it happens again",
            ExitCode.STORAGE,
        )


def restore_arrays(folder: Path, flat: dict[str, Any], restore_args: Any) -> dict[str, Any]:
    """Read arrays of a folder by their paths. Raises Failure STORAGE."""
    quiet_loggers()
    with storage_failures(folder, "read"), ocp.PyTreeCheckpointer() as checkpointer:
        restored: dict[str, Any] = checkpointer.restore(
            folder.resolve(),
            args=ocp.args.PyTreeRestore(item=flat, restore_args=restore_args, partial_restore=True),
        )
    return restored
