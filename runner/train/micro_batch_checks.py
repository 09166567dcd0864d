"""Which micro-batch a phase begins with, whether it is the one that was asked for, and that of a phase that resumes.

`schema.budget.micro_batch` estimates the rows that fit, `runner.train.fitting` finds them.
"""

from __future__ import annotations

from pathlib import Path

import jax

from runner.checkpoint.manifest import Manifest
from runner.failure import ExitCode, Failure
from runner.mesh import batch_devices
from runner.plan.compile import check_batch
from runner.plan.plan import PhasePlan
from runner.run.layout import is_run
from runner.run.record import noted_micro_batch
from schema.budget import micro_batch
from schema.budget.stages import Phase
from schema.spec import Spec
from schema.text.wording import count

SAME_MEMORY = 0.05  # by which share of it two processes may see the memory of one device differently


def micro_batch_rows(spec: Spec, mesh: jax.sharding.Mesh, phase: Phase, device_memory: int | None) -> int:
    """Return how many rows each device of a mesh takes at once, as `schema.budget.micro_batch` chooses them.

    `device_memory` are bytes; None where a device does not say, as a CPU. Raises Failure INVALID when the devices do
    not divide the batch.
    """
    check_batch(spec, batch_devices(mesh))
    return micro_batch.micro_batch_rows(spec, dict(mesh.shape), phase, device_memory, jax.default_backend())


def first_rows(spec: Spec, run_dir: Path, mesh: jax.sharding.Mesh, phase: Phase, device_memory: int | None) -> int:
    """Return the rows that a phase is compiled for first: those that the run noted on such devices, or the estimate."""
    noted = noted_rows(spec, run_dir, mesh, phase, device_memory)
    return noted or micro_batch_rows(spec, mesh, phase, device_memory)


def noted_rows(
    spec: Spec, run_dir: Path, mesh: jax.sharding.Mesh, phase: Phase, device_memory: int | None
) -> int | None:
    """Return the rows that were found to fit as many devices of this memory when the run did the phase before."""
    if spec.training.per_device_batch_size != -1 or device_memory is None or not is_run(run_dir):
        return None
    noted = noted_micro_batch(run_dir, phase)
    if noted is None or noted["devices"] != batch_devices(mesh):
        return None
    alike = abs(device_memory - noted["device_bytes"]) <= SAME_MEMORY * noted["device_bytes"]
    return noted["rows"] if alike else None


def micro_batch_remark(spec: Spec, devices: int, rows: int) -> str:
    """Say that other rows are taken at once than the spec asks."""
    asked, share = spec.training.per_device_batch_size, spec.training.batch_size // devices
    return f"training/per_device_batch_size {asked} does not divide the {share} rows of a device; {rows} is used"


def check_micro_batch(spec: Spec, phase: PhasePlan, before: Manifest, cut: tuple[int, int]) -> None:
    """Raise Failure RESUME when the rest of a phase with dropout would draw other masks than its beginning.

    `before` is the checkpoint that the run resumes from, `cut` is how many devices take how many rows at once.
    """
    drops = spec.architecture.dropout or (phase.name == "lora" and spec.optimization.lora.dropout)
    progress = before.progress
    if not drops or progress.phase != phase.name or progress.step == phase.last_step:
        return
    former = before.batch_devices, before.micro_batch_rows
    if former != cut:
        raise Failure(
            f"{_in_words(cut)} at once here, and {_in_words(former)} before, so that dropout would differ; resume "
            "where the run began, or start a new run with another --run-dir",
            ExitCode.RESUME,
        )


def _in_words(cut: tuple[int, int]) -> str:
    devices, rows = cut
    return f"{count(devices, 'device')} of {count(rows, 'row')}"
