"""The frozen base of phase lora: stored once, beside the checkpoints that need it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp

from runner.checkpoint.arrays import FINGERPRINTS, STATE, flat_arrays, prove, tree_bytes, tree_digest
from runner.checkpoint.fingerprint import Fingerprints
from runner.checkpoint.manifest import read_manifest, verify_base
from runner.checkpoint.restore import restore_tree
from runner.failure import ExitCode, Failure
from runner.files.atomic import sync
from runner.files.errors import saving
from runner.files.folder import PARTIAL, set_aside
from runner.files.library_noise import quiet_loggers
from runner.files.seal import seal
from runner.run.layout import BASE


def restore_base(checkpoint: Path, abstract: Any) -> Any:
    """Read the frozen base of a checkpoint's run, every byte verified, into the shapes and shardings of `abstract`.

    Raises Failure STORAGE when it is damaged, or another one than that which `checkpoint` was trained on.
    """
    run_dir = checkpoint.parent.parent
    if verify_base(run_dir) != read_manifest(checkpoint).progress.base_digest:
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
            arrays.save(partial / STATE, flat_arrays(base_params))
        trained = Fingerprints(flat_arrays(base_params))
        seal(partial, {"base_digest": digest, FINGERPRINTS: trained.noted()})
        prove(partial / STATE, trained)
        partial.rename(folder)
        sync(folder.parent)
    return digest
