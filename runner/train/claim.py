"""How a process makes a run directory its own: it restores what is there or begins, and notes a spec that changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from rich.console import Console

from runner.checkpoint.manifest import Manifest
from runner.checkpoint.progress import Progress
from runner.data.catalog import Catalog
from runner.distributed import writes
from runner.files.atomic import sync
from runner.files.folder import set_aside
from runner.lora.init import pin_init
from runner.run.execution import ExecutionSpec
from runner.run.inspect import check_run_dir
from runner.run.layout import BASE, CHECKPOINTS, SUMMARY, is_run
from runner.run.record import accept_changes, create_run_dir
from runner.train.resume import ResumableTrainer, decides_rates, note_resumed, resume
from runner.train.start import pin
from runner.weights import WeightSource
from schema.environment import Run


class ClaimingTrainer(ResumableTrainer, Protocol):
    """What of a trainer is read and replaced here."""

    @property
    def spec(self) -> ExecutionSpec:
        """The spec of the run and its directory."""

    console: Console
    progress: Progress
    restored: Manifest | None


def claim(trainer: ClaimingTrainer, catalog: Catalog, start: WeightSource | None) -> None:
    """Create the run directory of a new run, or restore a trainer to its newest checkpoint.

    `start` are the weights that a new run starts from, None where it starts from random ones.
    Raises Failure STORAGE, RESUME as `resume` does; OSError.
    """
    run_dir = trainer.spec.run_dir
    found = check_run_dir(trainer.spec)  # again: another process may have written while data was prepared
    if writes() and not is_run(run_dir):
        started, origin = (pin(start), start.origin()) if start else (None, None)
        create_run_dir(trainer.spec, started, origin, pin_init(trainer.spec.spec))
    _restore_newest(trainer, catalog, start)
    if writes():
        (run_dir / SUMMARY).unlink(missing_ok=True)  # of an end that this run resumes after
        sync(run_dir)
        if found.accepted:
            _accept(trainer, found)


def _restore_newest(trainer: ClaimingTrainer, catalog: Catalog, start: WeightSource | None) -> None:
    """Restore the newest intact checkpoint, or begin; report those that are not intact, and set them aside."""
    run_dir, stores, say = trainer.spec.run_dir, catalog.digests(), trainer.console.print
    damaged = resume(trainer, run_dir, stores, start)
    trainer.progress = replace(trainer.progress, stores=stores)  # a spec that changed may have more of them
    for folder, reason in damaged.items():
        if folder.name == BASE:  # what was left of it was set aside when it was repaired
            say(f"{reason}; it was made again from the end of phase full", soft_wrap=True)
        else:
            place = run_dir / CHECKPOINTS / folder.name
            what = place if reason.startswith(f"{run_dir / BASE} ") else "it"
            say(f"{reason}; {what} is now {set_aside(folder, run_dir)}", soft_wrap=True)
    if trainer.restored is not None:
        say(f"resuming {run_dir} after step {trainer.progress.step:,} of {trainer.plan.steps:,}")
        for remark in note_resumed(run_dir, trainer.restored, trainer.plan):
            say(remark, soft_wrap=True)


def _accept(trainer: ClaimingTrainer, found: Run) -> None:
    """Say what the spec says otherwise than before, and write it down."""
    step = trainer.progress.step
    for change in found.accepted:
        trainer.console.print(f"changed: {change}", soft_wrap=True)
    if decides_rates(trainer.plan, step, (change.key for change in found.accepted)):
        trainer.console.print("from here on the learning rate is that of the new plan")
    accept_changes(trainer.spec, found, step)
