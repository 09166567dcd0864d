"""Spec → Plan: which step does what, on which rows, at which learning rate, in how many bytes.

Pure arithmetic: neither jax nor numpy is imported, and the only thing read is the size of token stores
that exist already. Steps count from 1, as the user sees them; `exec` follows the plan to the step.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.data.stores.meta import read_meta, split_rows
from runner.failure import ExitCode, Failure
from runner.plan.plan import (
    AdapterPlan,
    BytesPlan,
    ExportPlan,
    LearningRatePlan,
    MixturePlan,
    PhasePlan,
    Plan,
    StagePlan,
    plan_digest,
)
from schema.budget import stages as budget
from schema.budget.bytes import checkpoint_bytes, export_bytes, state_bytes
from schema.budget.event_steps import EventSteps, event_steps
from schema.budget.mesh import mesh_axes
from schema.budget.schedules import load_schedule
from schema.families import adapters, flops_per_token, parameters
from schema.sections.mesh import Mesh
from schema.spec import Spec


def compile_plan(spec: Spec, devices: int = 1) -> Plan:
    """Compile a valid spec for this many devices.

    Raises Failure INVALID when the mesh does not fit the number of devices, or does not divide the batch.
    """
    mesh = resolve_mesh(spec.mesh, devices)
    check_batch(spec, mesh["data"] * mesh["fsdp"])
    tokens_per_step = spec.training.batch_size * spec.architecture.block_size
    stages = budget.stages(spec.training, spec.training.model_fields_set, tokens_per_step)
    drawn: dict[tuple[str, str, str], int] = {}
    phases = []
    for name in ("full", "lora"):
        of_phase = tuple(_plan_stage(spec, stage, tokens_per_step, drawn) for stage in stages if stage.phase == name)
        if of_phase:
            phases.append(_plan_phase(spec, name, of_phase, mesh))
    adapters, unadapted = _plan_adapters(spec) if any(phase.name == "lora" for phase in phases) else ((), ())
    steps = phases[-1].last_step if phases else 0
    plan = Plan(
        tokens_per_step=tokens_per_step,
        steps=steps,
        tokens=steps * tokens_per_step,
        mesh=mesh,
        phases=tuple(phases),
        adapters=adapters,
        unadapted=unadapted,
        export=_plan_export(spec, bool(adapters)),
        digest="",
    )
    return Plan(**{**{name: getattr(plan, name) for name in Plan.__slots__}, "digest": plan_digest(plan)})


def resolve_mesh(section: Mesh, devices: int) -> dict[str, int]:
    """Size of each axis of `mesh` on this many devices. Raises Failure INVALID, naming both numbers."""
    try:
        return mesh_axes(section, devices)
    except ValueError as error:
        raise Failure(f"{error}; write axes whose product is {devices}", ExitCode.INVALID) from error


def check_batch(spec: Spec, devices: int) -> None:
    """Raise Failure INVALID when the devices that share the rows do not divide the batch."""
    rows = spec.training.batch_size
    if rows % devices:
        raise Failure(
            f"training/batch_size {rows} is no multiple of the {devices} devices of mesh/data × mesh/fsdp; "
            f"make it {-(-rows // devices) * devices}",
            ExitCode.INVALID,
        )


def _plan_stage(
    spec: Spec, stage: budget.StageBudget, tokens_per_step: int, drawn: dict[tuple[str, str, str], int]
) -> StagePlan:
    rows = budget.rows_before(
        budget.shares([entry.rate for entry in stage.mixture]), stage.steps * spec.training.batch_size
    )
    mixture = []
    for entry, entry_rows in zip(stage.mixture, rows, strict=True):
        dataset = (entry.name, entry.suffix, entry.style.value)
        first_row = drawn.get(dataset, 0)
        drawn[dataset] = first_row + entry_rows
        mixture.append(MixturePlan(*dataset, entry.rate, entry_rows, first_row, _epochs(spec, dataset, drawn[dataset])))
    return StagePlan(
        key=f"training/{stage.key}" if stage.key == "tokens" else f"training/{stage.key}[{stage.index}]",
        first_step=stage.start + 1,
        last_step=stage.end,
        steps=stage.steps,
        tokens_asked=stage.tokens,
        tokens_planned=stage.steps * tokens_per_step,
        mixture=tuple(mixture),
    )


def _epochs(spec: Spec, dataset: tuple[str, str, str], rows: int) -> float | None:
    """How often a dataset has been read through at the end of a stage, when its store exists."""
    name, suffix, style = dataset
    meta = read_meta(spec.data.root, name, suffix)
    if meta is None:
        return None
    available = split_rows(meta, "train", style, spec.architecture.block_size, spec.data.on_too_long)
    return rows / available if available else None


def _plan_phase(spec: Spec, name: budget.Phase, stages: tuple[StagePlan, ...], mesh: Mapping[str, int]) -> PhasePlan:
    first, last = stages[0].first_step, stages[-1].last_step
    steps, training, logging = last - first + 1, spec.training, spec.logging
    tokens_per_step = training.batch_size * spec.architecture.block_size
    all_parameters = parameters(spec.architecture)
    lora = spec.optimization.lora
    trained = adapters(all_parameters, lora.target_modules, lora.rank) if name == "lora" else all_parameters
    trainable = sum(parameter.size for parameter in trained)
    frozen = sum(parameter.size for parameter in all_parameters) if name == "lora" else 0
    peak = lora.lr if name == "lora" and lora.lr is not None else spec.optimization.lr
    schedule = load_schedule(spec.optimization.schedule)
    warmup_steps, decay_steps = schedule.shape(steps, training.warmup_pct, training.decay_pct)
    return PhasePlan(
        name=name,
        first_step=first,
        last_step=last,
        steps=steps,
        tokens=steps * tokens_per_step,
        trainable_parameters=trainable,
        frozen_parameters=frozen,
        flops_per_step=tokens_per_step * flops_per_token(spec.architecture, trainable, name),
        learning_rate=LearningRatePlan(
            schedule=spec.optimization.schedule,
            peak=peak,
            warmup_steps=warmup_steps,
            decay_steps=decay_steps,
            first=schedule.learning_rate(0, steps, peak, warmup_steps, decay_steps),
            last=schedule.learning_rate(steps - 1, steps, peak, warmup_steps, decay_steps),
        ),
        bytes_per_device=_plan_bytes(spec, name, dict(mesh)),
        stages=stages,
        report_steps=event_steps(logging.report_interval, first, last, from_first=True),
        validation_steps=event_steps(logging.validation_interval, first, last) if training.validation else EventSteps(),
        checkpoint_steps=event_steps(logging.checkpoint_interval, first, last),
    )


def _plan_bytes(spec: Spec, name: budget.Phase, mesh: dict[str, int]) -> BytesPlan:
    lora = spec.optimization.lora
    parts = state_bytes(spec.architecture, lora, mesh, name)
    return BytesPlan(**parts, checkpoint=checkpoint_bytes(spec.architecture, lora, name))


def _plan_adapters(spec: Spec) -> tuple[tuple[AdapterPlan, ...], tuple[str, ...]]:
    """List what each pattern matches, and the matrices that no pattern does."""
    lora, matched = spec.optimization.lora, []
    every = parameters(spec.architecture)
    for pattern in lora.target_modules:
        for parameter in every:
            if parameter.matrix is not None and pattern in parameter.path:
                size = sum(part.size for part in adapters([parameter], [pattern], lora.rank))
                matched.append(AdapterPlan(pattern, parameter.path, parameter.shape, size))
    paths = {adapter.path for adapter in matched}
    unadapted = tuple(parameter.path for parameter in every if parameter.matrix and parameter.path not in paths)
    return tuple(matched), unadapted


def _plan_export(spec: Spec, has_adapters: bool) -> ExportPlan:
    export = spec.export
    folders = (("base", "adapter") if export.adapter and has_adapters else ()) + (("merged",) if export.merged else ())
    size = export_bytes(spec.architecture, spec.optimization.lora, export, has_adapters)
    return ExportPlan(folders, export.dtype, size)
