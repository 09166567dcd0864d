"""How a batch is cut up for a device: what to say, and what to refuse, of a cut that is not what was asked or begun."""

from __future__ import annotations

from runner.failure import ExitCode, Failure
from runner.manifest import Manifest
from runner.plan import PhasePlan
from schema.spec import Spec


def micro_batch_remark(spec: Spec, devices: int, rows: int) -> str:
    """Say that other rows are taken at once than the spec asks."""
    asked, share = spec.training.per_device_batch_size, spec.training.batch_size // devices
    return f"training/per_device_batch_size {asked} does not divide the {share} rows of a device; {rows} is used"


def check_micro_batch(spec: Spec, phase: PhasePlan, before: Manifest | None, rows: int) -> None:
    """Raise Failure RESUME when the rest of a phase with dropout would draw other masks than its beginning.

    `before` is the checkpoint that the run goes on from.
    """
    drops = spec.architecture.dropout or (phase.name == "lora" and spec.optimization.lora.dropout)
    if not drops or before is None or before.phase != phase.name or before.step == phase.last_step:
        return
    if before.micro_batch_rows != rows:
        raise Failure(
            f"a device takes {rows} rows at once here, and took {before.micro_batch_rows} before, so that dropout "
            "would differ; go on where the run began, or start anew with another --run-dir",
            ExitCode.RESUME,
        )
