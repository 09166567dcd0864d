"""Where a run resumes: at its newest intact checkpoint, however many newer ones the disk has lost.

A lost base is no lost run: it is written again from the end of phase full, and its digest says whether it is the same.
Step 0 is for runs that never had a checkpoint, and for no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from runner.checkpoint.arrays import tree_digest
from runner.checkpoint.base import save_base
from runner.checkpoint.intact import Intact, verified, with_base
from runner.checkpoint.manifest import Manifest
from runner.data.stores.trained import Trained
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json
from runner.lora.transition import TwoPhaseTrainer, transition_to_lora
from runner.mesh import batch_devices
from runner.metrics.jsonl import METRICS, has_records
from runner.plan.plan import Plan
from runner.run.layout import BASE
from runner.run.record import note_saved
from runner.run.versions import computed_by
from runner.train.compiled import device_memory
from runner.train.micro_batch_checks import check_micro_batch, micro_batch_rows, pinned_rows
from runner.weights import WeightSource


class ResumableTrainer(TwoPhaseTrainer, Protocol):
    """What of a trainer is read and replaced here."""

    @property
    def plan(self) -> Plan:
        """What is trained."""

    def begin(self, start: WeightSource | None) -> None:
        """Create the state before the first step."""

    def restore(self, checkpoint: Intact) -> None:
        """Restore a verified checkpoint; raises Failure STORAGE when its arrays are not those that were trained."""


def resume(
    trainer: ResumableTrainer, run_dir: Path, stores: Mapping[str, str], start: WeightSource | None
) -> dict[Path, str]:
    """Restore the newest intact checkpoint of a run directory, or begin where there is none at all.

    `stores` are digests of the token stores as they are now, `start` is what a new run begins with. Returns the newer
    checkpoints that are not intact, and a base that had to be written again, each with the reason. Nothing is written,
    but for that base, when it came out the same, and for what `start_of` notes of a beginning. Raises Failure STORAGE
    when there are checkpoints and none is intact, or when all are gone; RESUME when data, or what decides dropout's
    masks, is not what it was.
    """
    damaged: dict[Path, str] = {}
    restored: Intact | None = None
    orphan: Intact | None = None  # the newest that lacks nothing but its base
    for found in verified(run_dir):
        if isinstance(found, Intact):
            try:
                trainer.restore(found)
            except Failure as failure:
                if failure.exit_code is not ExitCode.STORAGE:
                    raise
                damaged[found.path] = str(failure)
            else:
                restored = found
                break
        else:
            damaged[found.path], orphan = found.reason, orphan or found.without_base
    if orphan is not None and _repair_base(trainer, restored, orphan, stores):
        newer = {folder: reason for folder, reason in damaged.items() if int(folder.name) > int(orphan.path.name)}
        return {**newer, run_dir / BASE: damaged[orphan.path]}
    if restored is not None:
        _refuse_another_course(trainer, run_dir, restored.manifest, stores)
    elif damaged:
        raise none_intact(run_dir, damaged.values())
    else:
        refuse_lost_checkpoints(run_dir)
        trainer.begin(start)
    return damaged


def none_intact(run_dir: Path, reasons: Iterable[str]) -> Failure:
    """Return the refusal of a run none of whose checkpoints can be restored; `reasons` say why not, each of one."""
    return Failure(
        f"no checkpoint of {run_dir} is intact, and nothing was changed there ({'; '.join(reasons)}); bring a copy "
        "back, or start a new run with another --run-dir",
        ExitCode.STORAGE,
    )


def refuse_lost_checkpoints(run_dir: Path) -> None:
    """Raise Failure STORAGE where checkpoints were saved and none is left: a run begins only once."""
    if saved := read_json(run_dir / "run.json").get("saved"):
        raise Failure(
            f"the checkpoints of {run_dir} are gone, and it had come at least to step {saved:,}; bring them back, or "
            "start a new run with another --run-dir",
            ExitCode.STORAGE,
        )


def _repair_base(trainer: ResumableTrainer, restored: Intact | None, orphan: Intact, stores: Mapping[str, str]) -> bool:
    """Write the frozen base again where phase lora began, and restore `orphan`; False where that cannot be."""
    full_steps = sum(phase.last_step for phase in trainer.plan.phases if phase.name == "full")
    if (restored.manifest.progress.step if restored else 0) != full_steps:
        return False
    if restored is None:
        trainer.begin(None)
    transition_to_lora(trainer)
    if tree_digest(trainer.state.base_params) != orphan.manifest.progress.base_digest:
        if restored is not None:
            trainer.restore(restored)
        return False
    _refuse_another_course(trainer, orphan.run_dir, orphan.manifest, stores)
    trainer.restore(with_base(orphan, save_base(orphan.run_dir, trainer.state.base_params)))
    return True


def _refuse_another_course(
    trainer: ResumableTrainer, run_dir: Path, manifest: Manifest, stores: Mapping[str, str]
) -> None:
    """Raise Failure RESUME where steps after a checkpoint would not be those of an uninterrupted run.

    That is where data changed, or dropout's masks would.
    """
    refuse_other_data(run_dir, manifest, stores)
    spec, mesh, devices = trainer.spec.spec, trainer.mesh, batch_devices(trainer.mesh)
    for phase in trainer.plan.phases:
        rows = pinned_rows(spec, phase, manifest, devices) or micro_batch_rows(spec, mesh, phase.name, device_memory())
        check_micro_batch(spec, phase, manifest, (devices, rows))


def refuse_other_data(run_dir: Path, manifest: Manifest, stores: Mapping[str, str]) -> None:
    """Raise Failure RESUME where a token store is another one than when a checkpoint was saved."""
    Trained(run_dir, manifest.progress.step, manifest.progress.stores).refuse_others(stores)


def note_resumed(run_dir: Path, manifest: Manifest, plan: Plan) -> Iterator[str]:
    """Say what of a run that resumes after a checkpoint is not as it would be had it never stopped, and note it.

    Raises OSError.
    """
    step = manifest.progress.step
    note_saved(run_dir, step)
    if not has_records(run_dir, step, manifest.records_end):
        yield f"{run_dir / METRICS} lacks records up to step {step:,}: they are lost"
    for entry in read_json(run_dir / "run.json").get("history", []):
        keys = [change["key"] for change in entry["changes"]]
        if entry["step"] > step and decides_rates(plan, step, keys):
            yield (
                f"{', '.join(keys)} changed after step {entry['step']:,}: the steps up to there, which are done again, "
                "have the learning rate of the changed plan"
            )
    others = [
        f"{name} {before}, now {now}"
        for name, now in computed_by().items()
        if (before := manifest.versions.get(name, now)) != now
    ]
    if others:
        yield f"saved with {'; '.join(others)}: the numbers may differ from those of a run that never stopped"


def decides_rates(plan: Plan, step: int, changed: Iterable[str]) -> bool:
    """Whether learning rates after a step depend on changed keys: its phase is under way and its length changed."""
    within = any(phase.first_step <= step < phase.last_step for phase in plan.phases)
    return within and any(key.endswith("_tokens") or key == "training/tokens" for key in changed)
