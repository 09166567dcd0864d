"""Checkpoints: orbax writes and reads the arrays, a seal says that all of them arrived.

A checkpoint is one folder `checkpoints/STEP`, with the arrays in `state` and a manifest. It is written under a
hidden name, sealed (`runner.seal`), read back and compared with what was trained (`runner.fingerprint`), and renamed,
all behind the training; so a folder with that name was whole once, and whoever reads it can tell whether it still is.
Phase lora saves adapters and their optimizer only; the frozen base is stored once, in `base`.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from runner.failure import ExitCode, Failure
from runner.fingerprint import Fingerprints, noted_on_host
from runner.job import BASE, CHECKPOINTS, EXPORT, checkpoints_of, note_saved, sync
from runner.manifest import Manifest, read_manifest, verify_base, verify_checkpoint
from runner.quiet import quiet_loggers
from runner.retention import Retention, read_scores, write_scores
from runner.seal import seal, sealed_facts
from runner.storage import PARTIAL, bring_back, remove, saving, set_aside, storage_failures

LIBRARIES = ("lorarun", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")
STATE, FINGERPRINTS = "state", "fingerprints"  # of a sealed folder: where the arrays are, what they are
READ_AT_ONCE = 2**28  # bytes of arrays that are in the host's memory while a checkpoint is proven


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide numbers and file formats."""
    return {name: version(name) for name in LIBRARIES}


class Checkpoints:
    """The checkpoints of one run, as many as its retention keeps."""

    def __init__(self, run_dir: Path, retention: Retention) -> None:
        self.folder = run_dir.resolve() / CHECKPOINTS
        self._retention, self._scores = retention, read_scores(self.folder)
        quiet_loggers()
        with storage_failures(self.folder, "open"):
            self.folder.mkdir(exist_ok=True)
            bring_back(run_dir / EXPORT)
            for partial in (*self.folder.glob(f"{PARTIAL}*"), *run_dir.glob(f"{PARTIAL}*")):
                remove(partial)
            self._prune()  # of what the last process kept, and has to make room for
        self._arrays = ocp.StandardCheckpointer()
        self._committing: Future[None] | None = None
        self._behind = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")

    def save(self, state: Any, manifest: Manifest) -> None:
        """Save a pytree of arrays; returns once they are copied, the writing goes on behind.

        A failure of the save before this one surfaces here at the latest. Raises Failure STORAGE.
        """
        self.wait()
        partial, size = self.folder / f"{PARTIAL}{manifest.step}", tree_bytes(state)
        flat, facts = _flat(state), asdict(manifest)  # a copy, for training goes on while the arrays are written
        with saving(partial, "the checkpoint", size):
            partial.mkdir()
            self._arrays.save(partial / STATE, flat)
        self._committing = self._behind.submit(self._commit, partial, facts, Fingerprints(flat), size)

    def check(self) -> None:
        """Raise Failure STORAGE when the save that goes on behind has failed; costs nothing."""
        if self._committing is not None and self._committing.done():
            self.wait()

    def score(self, step: int, phase: str, loss: float) -> None:
        """Note the validation loss of a step, for the best checkpoints are kept. Raises OSError."""
        if self._retention.best:
            self._scores = {**self._scores, step: (phase, loss)}
            write_scores(self.folder, self._scores)

    def wait(self) -> None:
        """Return when everything saved is on disk; raises Failure STORAGE when it could not be written."""
        committing, self._committing = self._committing, None
        if committing is not None:
            committing.result()

    def close(self) -> None:
        """Finish the writing and let go of the folder; raises Failure STORAGE when it could not be written."""
        try:
            self.wait()
        finally:
            self._behind.shutdown()
            self._arrays.close()

    def _commit(self, partial: Path, facts: dict[str, Any], trained: Fingerprints, size: int) -> None:
        """Wait for the arrays, seal and prove them, give the folder its name; only then let older checkpoints go."""
        with saving(partial, "the checkpoint", size):
            self._arrays.wait_until_finished()
            self._arrays.check_for_errors()
            seal(partial, {**facts, FINGERPRINTS: trained.noted()})
            _prove(partial / STATE, trained)
            partial.rename(self.folder / str(facts["step"]))
            sync(self.folder)
        with storage_failures(self.folder.parent / "run.json", "write"):
            note_saved(self.folder.parent, facts["step"])
        with storage_failures(self.folder, "remove old checkpoints of"):
            self._prune()

    def _prune(self) -> None:
        """Remove what retention does not keep; what begins to go loses its name first."""
        there = checkpoints_of(self.folder.parent)
        kept = self._retention.kept([int(checkpoint.name) for checkpoint in there], self._scores)
        for old in there:
            if int(old.name) not in kept:
                remove(old.rename(self.folder / f"{PARTIAL}{old.name}-old"))


def reread(folder: Path, state: Any) -> None:
    """Read a whole checkpoint again, and compare its arrays with the pytree that was trained.

    Raises Failure STORAGE.
    """
    verify_checkpoint(folder)
    _prove(folder / STATE, Fingerprints(_flat(state)))


def restore_tree(folder: Path, abstract: Any) -> Any:
    """Read the arrays of a sealed folder into the shapes, types and shardings of `abstract`.

    `abstract` is a pytree of `jax.ShapeDtypeStruct` with shardings; the mesh may be another one than that
    which saved. Leaves that were saved and are not asked are not read. What has arrived on the devices is compared
    with what was trained. Raises Failure STORAGE.
    """
    flat = _flat(abstract)
    onto_mesh = jax.tree.map(
        lambda leaf: ocp.ArrayRestoreArgs(sharding=leaf.sharding, global_shape=leaf.shape, dtype=leaf.dtype), flat
    )
    restored = _restore(folder / STATE, flat, onto_mesh)
    with storage_failures(folder, "read"):
        noted = sealed_facts(folder)[FINGERPRINTS]
        _refuse_others(folder, Fingerprints(restored).differing(noted))
    return _like(abstract, restored)


def restore_base(checkpoint: Path, abstract: Any) -> Any:
    """Read the frozen base of a checkpoint's run, every byte verified, into the shapes and shardings of `abstract`.

    Raises Failure STORAGE when it is damaged, or another one than that which `checkpoint` was trained on.
    """
    run_dir = checkpoint.parent.parent
    if verify_base(run_dir) != read_manifest(checkpoint).base_digest:
        raise Failure(f"{run_dir / BASE} is not the base that {checkpoint} was trained on", ExitCode.STORAGE)
    return restore_tree(run_dir / BASE, abstract)


def save_base(run_dir: Path, base_params: Any) -> str:
    """Store the frozen base and return its digest; called before any checkpoint of phase lora refers to it.

    What lies there already was left by a process that died at the boundary: it is kept when it is the
    same, and set aside when it is another or damaged. Raises Failure STORAGE when it cannot be written.
    """
    quiet_loggers()
    folder, digest = run_dir.resolve() / BASE, tree_digest(base_params)
    if folder.exists():
        try:
            if verify_base(run_dir) == digest:
                return digest
        except Failure:
            pass  # what is damaged is made anew
        set_aside(folder, run_dir)
    partial = folder.with_name(f"{PARTIAL}{BASE}")
    with saving(partial, "the frozen base", tree_bytes(base_params)):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        with ocp.StandardCheckpointer() as arrays:
            arrays.save(partial / STATE, _flat(base_params))
        trained = Fingerprints(_flat(base_params))
        seal(partial, {"base_digest": digest, FINGERPRINTS: trained.noted()})
        _prove(partial / STATE, trained)
        partial.rename(folder)
        sync(folder.parent)
    return digest


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


def _flat(tree: Any) -> dict[str, Any]:
    """A tree as one dictionary by path, so that what is stored depends on no library's container types."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def _like(abstract: Any, flat: dict[str, Any]) -> Any:
    """Give the leaves of a flat dictionary the structure of a tree."""
    leaves, structure = jax.tree.flatten_with_path(abstract)
    return jax.tree.unflatten(structure, [flat[jax.tree_util.keystr(path)] for path, _ in leaves])


def _prove(folder: Path, trained: Fingerprints) -> None:
    """Read arrays back into the host's memory, some at a time, and compare them with those that were trained.

    Raises Failure STORAGE.
    """
    noted = trained.noted()
    for part in _portions(trained.shapes):
        as_arrays = {name: ocp.RestoreArgs(restore_type=np.ndarray, dtype=leaf.dtype) for name, leaf in part.items()}
        read = noted_on_host(_restore(folder, part, as_arrays))
        _refuse_others(folder.parent, [name for name, text in read.items() if text != noted[name]])


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


def _refuse_others(folder: Path, differing: list[str]) -> None:
    if differing:
        raise Failure(
            f"{folder} does not hold what was trained: {differing[0]} is not what was written; run the same "
            "command again, and have this disk looked after if it happens again",
            ExitCode.STORAGE,
        )


def _restore(folder: Path, flat: dict[str, Any], restore_args: Any) -> dict[str, Any]:
    quiet_loggers()
    with storage_failures(folder, "read"), ocp.PyTreeCheckpointer() as checkpointer:
        restored: dict[str, Any] = checkpointer.restore(
            folder.resolve(),
            args=ocp.args.PyTreeRestore(item=flat, restore_args=restore_args, partial_restore=True),
        )
    return restored
