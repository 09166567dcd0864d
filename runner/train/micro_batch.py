"""How a batch is cut up for a device: what to say, and what to refuse, of a cut that is not what was asked or begun."""

from __future__ import annotations

from runner.checkpoint.manifest import Manifest
from runner.failure import ExitCode, Failure
from runner.plan.plan import PhasePlan
from schema.spec import Spec
from schema.text.wording import count


def micro_batch_remark(spec: Spec, devices: int, rows: int) -> str:
    """Say that other rows are taken at once than the spec asks."""
    asked, share = spec.training.per_device_batch_size, spec.training.batch_size // devices
    return f"training/per_device_batch_size {asked} does not divide the {share} rows of a device; {rows} is used"


def check_micro_batch(spec: Spec, phase: PhasePlan, before: Manifest, cut: tuple[int, int]) -> None:
    """Raise Failure RESUME when the rest of a phase with dropout would draw other masks than its beginning.

    `before` is the checkpoint that the run goes on from, `cut` is how many devices take how many rows at once.
    """
    drops = spec.architecture.dropout or (phase.name == "lora" and spec.optimization.lora.dropout)
    if not drops or before.phase != phase.name or before.step == phase.last_step:
        return
    former = before.batch_devices, before.micro_batch_rows
    if former != cut:
        raise Failure(
            f"{_in_words(cut)} at once here, and {_in_words(former)} before, so that dropout would differ; go on where "
            "the run began, or start anew with another --run-dir",
            ExitCode.RESUME,
        )


def _in_words(cut: tuple[int, int]) -> str:
    devices, rows = cut
    return f"{count(devices, 'device')} of {count(rows, 'row')}"
