"""Whether a micro-batch is the one that was asked for, and the one that a resumed phase began with.

`schema.budget.micro_batch` estimates the rows that fit, `runner.train.fitting` finds them.
"""

from __future__ import annotations

import jax

from runner.checkpoint.manifest import Manifest
from runner.data.batch import train_batch
from runner.failure import ExitCode, Failure
from runner.mesh import batch_devices
from runner.plan.compile import check_batch
from runner.plan.plan import PhasePlan
from schema.budget import micro_batch
from schema.budget.stages import Phase
from schema.spec import Spec
from schema.text.wording import count


def micro_batch_rows(spec: Spec, mesh: jax.sharding.Mesh, phase: Phase, device_memory: int | None) -> int:
    """Return how many rows each device of a mesh takes at once, as `schema.budget.micro_batch` chooses them.

    `device_memory` are bytes; None where a device does not say, as a CPU. Raises Failure INVALID when the devices do
    not divide the batch.
    """
    check_batch(spec, batch_devices(mesh))
    segmented = train_batch(spec, phase).segmented
    place = (dict(mesh.shape), phase, device_memory, jax.default_backend())
    return micro_batch.micro_batch_rows(spec, *place, segmented=segmented)


def pinned_rows(spec: Spec, phase: PhasePlan, before: Manifest | None, devices: int) -> int | None:
    """Return the rows that a phase under way keeps, as dropout draws its masks for them, where the machine may choose.

    `before` is the checkpoint that the run resumes from. None where the phase begins, has no dropout, or other devices.
    """
    chooses = spec.training.per_device_batch_size == -1
    if before is None or not (chooses and _draws_masks(spec, phase, before)) or before.batch_devices != devices:
        return None
    return before.micro_batch_rows


def micro_batch_remark(spec: Spec, devices: int, rows: int) -> str:
    """Say that other rows are taken at once than the spec asks."""
    asked, share = spec.training.per_device_batch_size, spec.training.batch_size // devices
    return f"training/per_device_batch_size {asked} does not divide the {share} rows of a device; {rows} is used"


def check_micro_batch(spec: Spec, phase: PhasePlan, before: Manifest, cut: tuple[int, int]) -> None:
    """Raise Failure RESUME when the rest of a phase with dropout would draw other masks than its beginning.

    `before` is the checkpoint that the run resumes from, `cut` is how many devices take how many rows at once.
    """
    if not _draws_masks(spec, phase, before):
        return
    former = before.batch_devices, before.micro_batch_rows
    if former != cut:
        raise Failure(
            f"{_cut_in_words(cut)} at once here, and {_cut_in_words(former)} before, so that dropout would differ; "
            "resume where the run began, or start a new run with another --run-dir",
            ExitCode.RESUME,
        )


def _draws_masks(spec: Spec, phase: PhasePlan, before: Manifest) -> bool:
    """Whether the rest of a phase that is under way at a checkpoint has dropout."""
    drops = spec.architecture.dropout or (phase.name == "lora" and spec.optimization.lora.dropout)
    return bool(drops) and before.progress.phase == phase.name and before.progress.step != phase.last_step


def _cut_in_words(cut: tuple[int, int]) -> str:
    devices, rows = cut
    return f"{count(devices, 'device')} of {count(rows, 'row')}"
