"""Checkpoints: orbax writes the arrays, a seal says that all of them arrived.

A checkpoint is one folder `checkpoints/STEP`, with the arrays in `state` and a manifest. It is written under a
hidden name, sealed (`runner.files.seal`) and renamed, all behind the training; so a folder with that name was whole
once, and whoever reads it can verify that it still is. At the end of a phase, and elsewhere where
`checkpoint/verify` is `read_back`, its arrays are also read back and compared with what was trained (`fingerprint`).
Phase lora saves adapters and their optimizer only; the frozen base is stored once, in `base`.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp

from runner.checkpoint.arrays import FINGERPRINTS, STATE, flat_arrays, prove, tree_bytes
from runner.checkpoint.fingerprint import Fingerprints
from runner.checkpoint.manifest import Manifest
from runner.checkpoint.scores import read_scores, write_scores
from runner.distributed import writes
from runner.files.errors import saving, storage_failures
from runner.files.folder import PARTIAL, begin, bring_back, commit, hidden, remove, withdraw
from runner.files.orbax_noise import quiet_loggers
from runner.files.seal import seal
from runner.run.layout import CHECKPOINTS, EXPORT, checkpoints_of
from runner.run.record import note_saved
from schema.budget.retention import Retention


class Checkpoints:
    """The checkpoints of one run, as many as its retention keeps.

    `read_back` says whether the arrays of every save are read back, or at the ends of phases alone.
    """

    def __init__(self, run_dir: Path, retention: Retention, read_back: bool = False) -> None:
        self.folder = run_dir.resolve() / CHECKPOINTS
        self._retention, self._read_back = retention, read_back
        self._scores = read_scores(self.folder)
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
        """Save a pytree of arrays; returns once they are copied, and writes in another thread.

        A failure of the save before this one surfaces here at the latest. Raises Failure STORAGE.
        """
        self.wait()
        partial, size = hidden(self.folder / str(manifest.progress.step)), tree_bytes(state)
        flat, facts = flat_arrays(state), asdict(manifest)  # a copy: training continues while the arrays are written
        with saving(partial, "the checkpoint", size):
            begin(partial)
            self._arrays.save(partial / STATE, flat)
        self._committing = self._behind.submit(self._commit, partial, facts, Fingerprints(flat), size)

    def check(self) -> None:
        """Raise Failure STORAGE when the save under way has failed; costs nothing."""
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
        """Finish the writing; raises Failure STORAGE when it could not be done."""
        try:
            self.wait()
        finally:
            self._behind.shutdown()
            self._arrays.close()

    def _commit(self, partial: Path, facts: dict[str, Any], trained: Fingerprints, size: int) -> None:
        """Wait for the arrays, seal and verify them, give the folder its name; only then prune older checkpoints."""
        step = facts["progress"]["step"]
        with saving(partial, "the checkpoint", size):
            self._arrays.wait_until_finished()
            self._arrays.check_for_errors()
            if not writes():  # it has written its own part of the arrays
                return
            seal(partial, {**facts, FINGERPRINTS: trained.noted()})
            if self._read_back or step in self._retention.boundaries:
                prove(partial / STATE, trained)
            commit(partial, self.folder / str(step))
        with storage_failures(self.folder.parent / "run.json", "write"):
            note_saved(self.folder.parent, step)
        with storage_failures(self.folder, "remove old checkpoints of"):
            self._prune()

    def _prune(self) -> None:
        """Remove what retention does not keep."""
        there = checkpoints_of(self.folder.parent)
        kept = self._retention.kept([int(checkpoint.name) for checkpoint in there], self._scores)
        for old in there:
            if int(old.name) not in kept:
                withdraw(old)
