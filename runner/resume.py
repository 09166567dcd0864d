"""Where a run goes on: at its newest intact checkpoint, however many newer ones the disk has lost.

A lost base is no lost run: it is made again from the end of phase full, and its digest tells whether it is the same.
Step 0 is for runs that never had a checkpoint, and for no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from runner.checkpoint import save_base, tree_digest
from runner.failure import ExitCode, Failure
from runner.job import BASE, CHECKPOINTS, SUMMARY, checkpoints_of, read_json
from runner.lora import TwoPhaseTrainer, transition_to_lora
from runner.manifest import Manifest, verify_base, verify_checkpoint
from runner.metrics.jsonl import last_step
from runner.plan import Plan


class ResumableTrainer(TwoPhaseTrainer, Protocol):
    """What of a trainer is read and replaced here."""

    plan: Plan
    step: int
    base_digest: str | None

    def begin(self) -> None:
        """Take up the state before the first step."""

    def restore_from_path(self, rel_path: str) -> None:
        """Take up a checkpoint; raises Failure STORAGE when it is not intact."""


def resume(trainer: ResumableTrainer, run_dir: Path) -> dict[Path, str]:
    """Take up the newest intact checkpoint of a run directory, or begin where there is none at all.

    Returns the newer ones that are not intact, and a base that had to be made again, each with the reason. Nothing is
    written, but for that base, when it came out the same. Raises Failure STORAGE when there are checkpoints and none is
    intact, or when all are gone.
    """
    damaged: dict[Path, str] = {}
    taken = None
    for folder in checkpoints_of(run_dir):
        try:
            trainer.restore_from_path(f"{CHECKPOINTS}/{folder.name}")
            taken = folder
            break
        except Failure as failure:
            if failure.exit_code is not ExitCode.STORAGE:
                raise
            damaged[folder] = str(failure)
    orphan = _orphan(run_dir, list(damaged))
    if orphan is not None and _mend_base(trainer, run_dir, taken, orphan):
        newer = {folder: reason for folder, reason in damaged.items() if int(folder.name) > int(orphan.name)}
        return {**newer, run_dir / BASE: damaged[orphan]}
    if taken is None and damaged:
        raise Failure(
            f"no checkpoint of {run_dir} is intact, and nothing was changed there ({'; '.join(damaged.values())}); "
            "bring a copy back, or start anew with another --run-dir",
            ExitCode.STORAGE,
        )
    if taken is None:
        _refuse_lost_checkpoints(trainer.plan, run_dir)
        trainer.begin()
    return damaged


def _refuse_lost_checkpoints(plan: Plan, run_dir: Path) -> None:
    """Raise Failure STORAGE where checkpoints were committed and none is left: a run begins only once.

    A finished run had one, and so had one whose base was stored after a phase full. Training passes the second step
    that saves only when the first one's checkpoint is whole.
    """
    saves: list[int] = []
    if (run_dir / "plan.json").exists():
        saves = [step for phase in read_json(run_dir / "plan.json")["phases"] for step in phase["checkpoint_steps"]]
    based = (run_dir / BASE).exists() and plan.phases[0].name == "full"
    trained = last_step(run_dir)
    if (run_dir / SUMMARY).exists() or based or (len(saves) > 1 and trained > saves[1]):
        raise Failure(
            f"the checkpoints of {run_dir} are gone, and it had come at least to step {trained:,}; bring them back, or "
            "start anew with another --run-dir",
            ExitCode.STORAGE,
        )


def _orphan(run_dir: Path, passed: list[Path]) -> Path | None:
    """The newest checkpoint that lacks nothing but its base."""
    try:
        verify_base(run_dir)
    except Failure:
        for folder in passed:
            try:
                if verify_checkpoint(folder).phase == "lora":
                    return folder
            except Failure:
                continue
    return None


def _mend_base(trainer: ResumableTrainer, run_dir: Path, taken: Path | None, orphan: Path) -> bool:
    """Make the frozen base anew where phase lora began, and go on from `orphan`; False where that cannot be."""
    full_steps = sum(phase.last_step for phase in trainer.plan.phases if phase.name == "full")
    if (int(taken.name) if taken else 0) != full_steps:
        return False
    if taken is None:
        trainer.begin()
    transition_to_lora(trainer)
    if tree_digest(trainer.state.base_params) != verify_checkpoint(orphan).base_digest:
        if taken is not None:
            trainer.restore_from_path(f"{CHECKPOINTS}/{taken.name}")
        return False
    save_base(run_dir, trainer.state.base_params)
    trainer.restore_from_path(f"{CHECKPOINTS}/{orphan.name}")
    return True


def check_stores(run_dir: Path, manifest: Manifest, digests: Mapping[str, str]) -> None:
    """Raise Failure RESUME where data is not what a checkpoint was trained on; `digests` are of the stores now."""
    changed = sorted(name for name, digest in digests.items() if manifest.stores.get(name, digest) != digest)
    if changed:
        raise Failure(
            f"the data of {', '.join(changed)} changed since step {manifest.step:,} of {run_dir} was saved; bring it "
            "back, or start anew with another --run-dir",
            ExitCode.RESUME,
        )
