"""Checkpoints: orbax writes and reads the arrays, the manifest says what they are.

A checkpoint is one folder `checkpoints/STEP` with a state item and a manifest item; orbax writes it under
a temporary name and renames it when both are complete, so a folder with that name is whole. Phase lora
saves adapters and their optimizer only; the frozen base is stored once, in `base`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from runner.failure import ExitCode, Failure
from runner.job import manifest_file, write_atomically

LIBRARIES = ("lorarun", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a checkpoint is; read before a single array is."""

    phase: str
    stage: int
    step: int
    tokens: int
    seed: int
    plan_digest: str
    base_digest: str | None  # of the frozen base, in phase lora
    stores: dict[str, str]  # digest of each token store by folder name
    ledger: dict[str, list[int]]  # rows, tokens seen and tokens supervised by dataset
    token_digest: str  # chain over the digests of all batches so far
    micro_batch_rows: int  # which decide the dropout masks
    versions: dict[str, str]


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide numbers and file formats."""
    return {name: version(name) for name in LIBRARIES}


class Checkpoints:
    """The checkpoints of one run: the `keep` newest, and those of the steps in `boundaries` for ever."""

    def __init__(self, run_dir: Path, keep: int, boundaries: tuple[int, ...]) -> None:
        self.folder = run_dir.resolve() / "checkpoints"
        quiet_orbax()
        policy = checkpoint_managers.AnyPreservationPolicy(
            [checkpoint_managers.LatestN(keep), checkpoint_managers.CustomSteps(list(boundaries))]
        )
        with storage_failures(self.folder, "open"):
            self._manager = ocp.CheckpointManager(
                self.folder,
                options=ocp.CheckpointManagerOptions(
                    preservation_policy=policy, cleanup_tmp_directories=True, save_root_metadata=False
                ),
            )

    def latest_step(self) -> int | None:
        """Step of the newest complete checkpoint."""
        step = self._manager.latest_step()
        return None if step is None else int(step)

    def save(self, state: Any, manifest: Manifest) -> None:
        """Save a pytree of arrays; returns once they are copied, the writing goes on behind.

        A failure of the write before this one surfaces here, as Failure STORAGE.
        """
        with storage_failures(self.folder, "save to"):
            self._manager.save(
                manifest.step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardSave(_flat(state)), manifest=ocp.args.JsonSave(asdict(manifest))
                ),
            )

    def wait(self) -> None:
        """Return when everything saved is on disk; raises Failure STORAGE when it could not be written."""
        with storage_failures(self.folder, "save to"):
            self._manager.wait_until_finished()
            self._manager.check_for_errors()

    def close(self) -> None:
        """Finish the writing and let go of the folder."""
        with storage_failures(self.folder, "close"):
            self._manager.close()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the checkpoint in this folder.

    Raises Failure STORAGE when there is none, or it is not one of ours.
    """
    try:
        return Manifest(**json.loads(manifest_file(folder).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise Failure(f"{folder} holds no readable manifest, so it is no checkpoint", ExitCode.STORAGE) from error


def restore_tree(folder: Path, abstract: Any) -> Any:
    """Read the arrays of a saved tree into the shapes, types and shardings of `abstract`.

    `abstract` is a pytree of `jax.ShapeDtypeStruct` with shardings; the mesh may be another one than that
    which saved. Leaves that were saved and are not asked are not read. Raises Failure STORAGE.
    """
    quiet_orbax()
    flat = _flat(abstract)
    restore_args = jax.tree.map(
        lambda leaf: ocp.ArrayRestoreArgs(sharding=leaf.sharding, global_shape=leaf.shape, dtype=leaf.dtype), flat
    )
    with storage_failures(folder, "read"), ocp.PyTreeCheckpointer() as checkpointer:
        restored = checkpointer.restore(
            folder.resolve(),
            args=ocp.args.PyTreeRestore(item=flat, restore_args=restore_args, partial_restore=True),
        )
    leaves, structure = jax.tree.flatten_with_path(abstract)
    return jax.tree.unflatten(structure, [restored[jax.tree_util.keystr(path)] for path, _ in leaves])


def save_base(run_dir: Path, base_params: Any) -> str:
    """Store the frozen base and return its digest; called before any checkpoint of phase lora refers to it.

    What lies there already was left by a process that died at the boundary: it is kept when it is the
    same, and replaced when it is another. Raises Failure STORAGE when it cannot be written.
    """
    quiet_orbax()
    folder, noted, digest = run_dir.resolve() / "base", run_dir / "base.sha256", tree_digest(base_params)
    with storage_failures(folder, "save to"):
        stored = noted.read_text(encoding="utf-8").strip() if noted.is_file() and folder.exists() else None
        if stored == digest:
            return digest
        noted.unlink(missing_ok=True)
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(folder, _flat(base_params), force=True)
        write_atomically(noted, f"{digest}\n")
    return digest


def tree_digest(tree: Any) -> str:
    """sha256 over the paths, types, shapes and bytes of a pytree of arrays, one leaf in memory at a time."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree.leaves_with_path(tree):
        array = np.ascontiguousarray(jax.device_get(leaf))
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}\n".encode())
        digest.update(array.view(np.uint8).data if array.ndim else array.tobytes())
    return digest.hexdigest()


def _flat(tree: Any) -> dict[str, Any]:
    """A tree as one dictionary by path, so that what is stored depends on no library's container types."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


@contextmanager
def storage_failures(folder: Path, verb: str) -> Iterator[None]:
    """Turn what storage raises into one sentence; orbax wraps errors in types of its own."""
    try:
        yield
    except Failure:
        raise
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().split("\n")[0].split(" [tensorstore_spec")[0]
        raise Failure(f"cannot {verb} {folder}: {reason}", ExitCode.STORAGE) from error


@contextmanager
def disk_failures(run_dir: Path) -> Iterator[None]:
    """Turn a failing disk, wherever in a run it shows, into one sentence."""
    try:
        yield
    except OSError as error:
        where = error.filename or run_dir
        raise Failure(f"cannot write {where}: {error.strerror or error}", ExitCode.STORAGE) from error


def quiet_orbax() -> None:
    """Keep orbax's progress messages off the user's terminal; its errors still arrive as exceptions."""
    logging.getLogger("absl").setLevel(logging.ERROR)
