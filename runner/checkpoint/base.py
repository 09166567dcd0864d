"""The frozen base of phase lora: stored once, beside the checkpoints that need it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp

from runner.checkpoint.arrays import FINGERPRINTS, STATE, flat_arrays, prove, tree_bytes, tree_digest
from runner.checkpoint.fingerprint import Fingerprints
from runner.checkpoint.intact import verify_base
from runner.failure import Failure
from runner.files.errors import saving
from runner.files.folder import begin, commit, hidden, set_aside
from runner.files.orbax_noise import quiet_loggers
from runner.files.seal import Sealed, seal
from runner.run.layout import BASE


def save_base(run_dir: Path, base_params: Any) -> Sealed:
    """Store the frozen base, read back; called before any checkpoint of phase lora refers to it.

    Its fact `base_digest` is that of the arrays. What lies there already was left by a process that died at the
    boundary: it is kept when it is the same, and set aside when it is another or damaged. Raises Failure STORAGE when
    it cannot be written.
    """
    quiet_loggers()
    folder, digest = run_dir.resolve() / BASE, tree_digest(base_params)
    if folder.exists():
        try:
            if (found := verify_base(run_dir)).facts["base_digest"] == digest:
                return found
        except (Failure, KeyError):
            pass  # what is damaged is written again
        set_aside(folder, run_dir)
    partial = hidden(folder)
    with saving(partial, "the frozen base", tree_bytes(base_params)):
        begin(partial)
        with ocp.StandardCheckpointer() as arrays:
            arrays.save(partial / STATE, flat_arrays(base_params))
        trained = Fingerprints(flat_arrays(base_params))
        sealed = seal(partial, {"base_digest": digest, FINGERPRINTS: trained.noted()})
        prove(partial / STATE, trained)
        commit(partial, folder)
    return replace(sealed, path=folder)
