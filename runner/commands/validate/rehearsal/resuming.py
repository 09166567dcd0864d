"""Whether the run in a run directory could resume, as `runner.train.resume` decides it; nothing is restored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.checkpoint.intact import Intact, Unusable, verified
from runner.checkpoint.manifest import Manifest, manifest_of
from runner.data.batch import train_batch
from runner.files.digested_json import read_json
from runner.files.folder import bytes_below
from runner.files.seal import Damaged, sealed_facts
from runner.plan.plan import Plan
from runner.run.execution import ExecutionSpec
from runner.run.layout import BASE, CHECKPOINTS, checkpoints_of
from schema.budget.micro_batch import micro_batch_rows
from schema.environment import Environment

MOST_VERIFIED_BYTES = 2**30  # of checkpoints, which takes about a second


def is_small(run_dir: Path) -> bool:
    """Whether all checkpoints of a run can be verified in a moment."""
    return bytes_below(run_dir / CHECKPOINTS) + bytes_below(run_dir / BASE) <= MOST_VERIFIED_BYTES


def check_resumes(execution: ExecutionSpec, plan: Plan, stores: Mapping[str, str], facts: Environment) -> None:
    """Raise Failure where the run in a run directory can't resume there; `stores` are digests of token stores, by name.

    Of more than 1 GiB of checkpoints none is verified, and what the newest one says of itself is believed.
    """
    from runner.train.resume import refuse_lost_checkpoints, refuse_other_data  # jax

    run_dir = execution.run_dir
    if not checkpoints_of(run_dir):
        refuse_lost_checkpoints(run_dir)
        _check_start(execution)
        return
    manifest = _newest(run_dir)
    if manifest is not None:
        refuse_other_data(run_dir, manifest, stores)
        _check_masks(execution, plan, manifest, facts)


def _check_start(execution: ExecutionSpec) -> None:
    """Look for the weights that a run noted, of which nothing is saved yet. Raises Failure."""
    from runner.train.start import gives_way, pinned
    from runner.weights.start import find_start

    noted, named = read_json(execution.run_dir / "run.json")["start"], execution.starting_point
    if noted is None:
        return
    if named is not None and gives_way(execution.run_dir, noted, named):
        find_start(named, execution.spec).verify(MOST_VERIFIED_BYTES)
    else:
        pinned(noted, named)


def _newest(run_dir: Path) -> Manifest | None:
    """What the newest intact checkpoint says; None where a base that is lost may be made again, or nobody can say.

    Raises Failure STORAGE where none is intact.
    """
    from runner.train.resume import none_intact

    if not is_small(run_dir):
        try:
            return manifest_of(sealed_facts(checkpoints_of(run_dir)[0]))
        except Damaged:  # an older one may be intact
            return None
    unusable: list[Unusable] = []
    for found in verified(run_dir):
        if isinstance(found, Intact):
            return found.manifest
        unusable.append(found)
    if not any(found.without_base for found in unusable):
        raise none_intact(run_dir, [found.reason for found in unusable])
    return None


def _check_masks(execution: ExecutionSpec, plan: Plan, manifest: Manifest, facts: Environment) -> None:
    """Compare the cut of a batch with that of a phase under way, as far as the devices are known. Raises Failure."""
    from runner.train.micro_batch_checks import check_micro_batch, pinned_rows

    if facts.devices is None:
        return
    spec, devices = execution.spec, plan.mesh["data"] * plan.mesh["fsdp"]
    for phase in plan.phases:
        segmented = train_batch(spec, phase.name).segmented
        place = (dict(plan.mesh), phase.name, facts.device_bytes, facts.platform)
        rows = pinned_rows(spec, phase, manifest, devices) or micro_batch_rows(spec, *place, segmented=segmented)
        check_micro_batch(spec, phase, manifest, (devices, rows))
