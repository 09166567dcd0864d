"""Where a run goes on: at its newest intact checkpoint, however many newer ones the disk has lost.

A lost base is no lost run: it is made again from the end of phase full, and its digest tells whether it is the same.
Step 0 is for runs that never had a checkpoint, and for no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from runner.checkpoint.arrays import tree_digest
from runner.checkpoint.base import save_base
from runner.checkpoint.manifest import Manifest, read_manifest, verify_base, verify_checkpoint
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json
from runner.lora.transition import TwoPhaseTrainer, transition_to_lora
from runner.mesh import batch_devices
from runner.metrics.jsonl import METRICS, check_records, last_step
from runner.plan.plan import Plan
from runner.run.layout import BASE, CHECKPOINTS, SUMMARY, checkpoints_of
from runner.run.record import note_lost_records, note_saved
from runner.run.versions import library_versions
from runner.train.compiled import device_memory
from runner.train.micro_batch import check_micro_batch, micro_batch_rows


class ResumableTrainer(TwoPhaseTrainer, Protocol):
    """What of a trainer is read and replaced here."""

    plan: Plan

    def begin(self) -> None:
        """Take up the state before the first step."""

    def restore_from_path(self, rel_path: str) -> None:
        """Take up a checkpoint; raises Failure STORAGE when it is not intact."""


def resume(trainer: ResumableTrainer, run_dir: Path, stores: Mapping[str, str]) -> dict[Path, str]:
    """Take up the newest intact checkpoint of a run directory, or begin where there is none at all.

    `stores` are digests of the token stores as they are now. Returns the newer checkpoints that are not intact, and a
    base that had to be made again, each with the reason. Nothing is written, but for that base, when it came out the
    same, and for what `start` notes of a beginning. Raises Failure STORAGE when there are checkpoints and none is
    intact, or when all are gone, or when records are; RESUME when data, or what decides dropout's masks, is not what it
    was.
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
    if orphan is not None and _mend_base(trainer, run_dir, taken, orphan, stores):
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
    else:
        _refuse_another_course(trainer, run_dir, read_manifest(taken), stores)
    return damaged


def _refuse_lost_checkpoints(plan: Plan, run_dir: Path) -> None:
    """Raise Failure STORAGE where checkpoints were committed and none is left: a run begins only once.

    Of a run of an older version, which did not note that it had saved, what is there tells: a finished one had a
    checkpoint, and so had one whose base was stored after a phase full; training passed the second step that saves
    only when the first one's checkpoint was whole.
    """
    saves: list[int] = []
    if (run_dir / "plan.json").exists():
        saves = [step for phase in read_json(run_dir / "plan.json")["phases"] for step in phase["checkpoint_steps"]]
    saved, trained = read_json(run_dir / "run.json").get("saved", 0), last_step(run_dir)
    based = (run_dir / BASE).exists() and plan.phases[0].name == "full"
    if saved or (run_dir / SUMMARY).exists() or based or (len(saves) > 1 and trained > saves[1]):
        raise Failure(
            f"the checkpoints of {run_dir} are gone, and it had come at least to step {max(saved, trained):,}; bring "
            "them back, or start anew with another --run-dir",
            ExitCode.STORAGE,
        )


def _orphan(run_dir: Path, passed: list[Path]) -> Path | None:
    """The newest checkpoint that lacks nothing but its base."""
    try:
        verify_base(run_dir)
    except Failure:
        for folder in passed:
            try:
                if verify_checkpoint(folder).progress.phase == "lora":
                    return folder
            except Failure:
                continue
    return None


def _mend_base(
    trainer: ResumableTrainer, run_dir: Path, taken: Path | None, orphan: Path, stores: Mapping[str, str]
) -> bool:
    """Make the frozen base anew where phase lora began, and go on from `orphan`; False where that cannot be."""
    full_steps = sum(phase.last_step for phase in trainer.plan.phases if phase.name == "full")
    if (int(taken.name) if taken else 0) != full_steps:
        return False
    if taken is None:
        trainer.begin()
    transition_to_lora(trainer)
    if tree_digest(trainer.state.base_params) != verify_checkpoint(orphan).progress.base_digest:
        if taken is not None:
            trainer.restore_from_path(f"{CHECKPOINTS}/{taken.name}")
        return False
    _refuse_another_course(trainer, run_dir, read_manifest(orphan), stores)
    save_base(run_dir, trainer.state.base_params)
    trainer.restore_from_path(f"{CHECKPOINTS}/{orphan.name}")
    return True


def _refuse_another_course(
    trainer: ResumableTrainer, run_dir: Path, manifest: Manifest, stores: Mapping[str, str]
) -> None:
    """Raise Failure where steps after a checkpoint would not be those of an uninterrupted run, or not be told as such.

    RESUME where data changed or dropout's masks would; STORAGE where records are gone in part.
    """
    changed = sorted(name for name, digest in stores.items() if manifest.progress.stores.get(name, digest) != digest)
    if changed:
        raise Failure(
            f"the data of {', '.join(changed)} changed since step {manifest.progress.step:,} of {run_dir} was saved; "
            "bring it back, or start anew with another --run-dir",
            ExitCode.RESUME,
        )
    spec, mesh = trainer.spec.spec, trainer.mesh
    for phase in trainer.plan.phases:
        rows = micro_batch_rows(spec, mesh, phase.name, device_memory())
        check_micro_batch(spec, phase, manifest, (batch_devices(mesh), rows))
    check_records(run_dir, manifest.progress.step, manifest.records)


def note_resumed(run_dir: Path, manifest: Manifest, plan: Plan) -> Iterator[str]:
    """Say what of a run that goes on after a checkpoint is not as it would be had it never stopped, and note it.

    Raises OSError.
    """
    note_saved(run_dir, manifest.progress.step)
    if not check_records(run_dir, manifest.progress.step, manifest.records):
        note_lost_records(run_dir, manifest.progress.step)
        yield f"{run_dir / METRICS} has no records up to step {manifest.progress.step:,} any more: they are lost"
    for entry in read_json(run_dir / "run.json").get("history", []):
        keys = [change["key"] for change in entry["changes"]]
        if entry["step"] > manifest.progress.step and decides_rates(plan, manifest.progress.step, keys):
            yield (
                f"{', '.join(keys)} changed after step {entry['step']:,}: the steps up to there, which are done again, "
                "have the learning rate of the changed plan"
            )
    others = [
        f"{name} {before}, now {now}"
        for name, now in library_versions().items()
        if (before := manifest.versions.get(name, now)) != now
    ]
    if others:
        yield f"saved with {'; '.join(others)}: the numbers may differ from those of a run that never stopped"


def decides_rates(plan: Plan, step: int, changed: Iterable[str]) -> bool:
    """Whether learning rates after a step depend on keys that changed: its phase has begun, and has another length."""
    within = any(phase.first_step <= step < phase.last_step for phase in plan.phases)
    return within and any(key.endswith("_tokens") or key == "training/tokens" for key in changed)
