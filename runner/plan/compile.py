"""Spec → Plan: the budget assembled into phases and stages, with what adapters sit on, and the digest of it all.

Nothing is computed here that `schema.budget` says, and nothing is read: neither jax nor numpy is imported. Steps count
from 1, as the user sees them; `exec` follows the plan to the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from runner.failure import ExitCode, Failure
from runner.plan.plan import (
    AdapterPlan,
    BytesPlan,
    ChatPlan,
    ExportPlan,
    LearningRatePlan,
    PhasePlan,
    Plan,
    StagePlan,
    TokenizerPlan,
    plan_digest,
)
from schema.budget.budget import Budget, budget_of
from schema.budget.dataset_names import folder_name
from schema.budget.draws import EntryBudget, NotPreparedError, Terms
from schema.budget.mesh import mesh_axes, next_multiple
from schema.budget.phase import PhaseBudget
from schema.budget.stages import StageBudget
from schema.check.findings import Unavailable
from schema.environment import Environment
from schema.families import adapted, adapters, gguf_bytes, parameters
from schema.optimizers import optimizer_of
from schema.sections.mesh import Mesh
from schema.spec import Spec
from schema.text.wording import join
from schema.tokenizers import tokenizer_facts

PREPARE = "run `lorarun prepare SPEC` first"
AGAIN = "`lorarun prepare SPEC` makes it again"


def compile_plan(spec: Spec, devices: int = 1, environment: Environment | None = None) -> Plan:
    """Compile a valid spec for this many devices.

    The memory of a device, the rows of token stores and the files of a tokenizer come in by the environment;
    micro-batches, epochs and facts are None in the plan where it knows nothing of them. Raises Failure INVALID when the
    mesh does not fit the number of devices or does not divide the batch, where steps follow from token stores that are
    not made yet, and for a spec that has no plan, which a lint would have refused.
    """
    mesh = resolve_mesh(spec.mesh, devices)
    check_batch(spec, mesh["data"] * mesh["fsdp"])
    facts = (environment or Environment())._replace(devices=devices)
    budget = budget_of(spec, facts)
    try:
        _refuse_empty_stages(budget)
        phases = tuple(_plan_phases(budget))
    except NotPreparedError as refused:
        raise Failure(
            f"training/budget counts supervised tokens, and {refused}, so that nobody knows how many steps they take; "
            f"{PREPARE}",
            ExitCode.INVALID,
        ) from refused
    except Unavailable as refused:
        if isinstance(refused.__cause__, Failure):
            raise refused.__cause__ from refused
        reason = refused.__cause__ or f"{refused} gives no plan; `lorarun validate` says why"
        raise Failure(str(reason), ExitCode.INVALID) from refused
    adapters, unadapted = _plan_adapters(spec) if "lora" in budget.phases else ((), ())
    plan = Plan(
        budget=spec.training.budget,
        rates_by=spec.data.rates_by,
        tokens_per_step=budget.tokens_per_step,
        steps=budget.steps,
        tokens=sum(phase.tokens for phase in phases),
        mesh=mesh,
        tokenizer=_plan_tokenizer(spec, budget, facts),
        chat=_plan_chat(spec, budget),
        phases=phases,
        adapters=adapters,
        unadapted=unadapted,
        init=spec.optimization.lora.init if adapters else None,
        export=_plan_export(spec, bool(adapters), budget.export_bytes),
        unknown=(*_outdated(facts), *_unknown(budget)),
        digest="",
    )
    return replace(plan, digest=plan_digest(plan))


def _refuse_empty_stages(budget: Budget) -> None:
    """Raise Failure INVALID for a stage that has no step by what the stores hold; of others a lint says it."""
    for stage in budget.stages if budget.terms.decides_steps else ():
        if stage.steps == 0 and stage.ended_by:
            raise Failure(
                f"{stage.path} gets no step: '{stage.ended_by}' has run out before, and data/on_exhausted is stop; "
                "leave the stage out, or give the dataset more text",
                ExitCode.INVALID,
            )
        if stage.steps == 0:
            raise Failure(
                f"{stage.path} gets no step: it asks {stage.tokens:,} {budget.terms.unit}, and one step takes more "
                "than twice as many; raise it, or lower training/batch_size",
                ExitCode.INVALID,
            )


def _outdated(environment: Environment) -> Iterator[str]:
    """Say which token stores lie there and are not believed."""
    for (name, suffix), found in sorted(environment.datasets.items()):
        if found.outdated:
            yield f"the store of '{folder_name(name, suffix)}' was made of something else; {AGAIN}"


def _unknown(budget: Budget) -> Iterator[str]:
    """Say what follows from token stores that are not made yet."""
    drawn = [entry for stage in budget.draws for entry in stage]
    without = sorted({folder_name(entry.name, entry.suffix) for entry in drawn if entry.epochs is None})
    if without and budget.terms.stops:
        names = join(without, "or")
        yield f"when {names} runs out, which ends a stage, is known once its token store is made; {PREPARE}"
    if any(entry.rows is None for entry in drawn):
        yield f"how many rows hold a share of the supervised tokens is known once token stores are made; {PREPARE}"


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
            f"make it {next_multiple(rows, devices)}",
            ExitCode.INVALID,
        )


def _plan_tokenizer(spec: Spec, budget: Budget, environment: Environment) -> TokenizerPlan:
    section = spec.tokenizer
    name = None if section.backend == "byte" else section.name
    believed = tuple(each for each in _named(budget) if each in spec.data.sources and spec.data.sources[each].tokens)
    return TokenizerPlan(section.backend, name, tokenizer_facts(section.backend, name, environment), believed)


def _named(budget: Budget) -> list[str]:
    """The datasets of all stages, by name."""
    return sorted({entry.name for stage in budget.stages for entry in stage.mixture})


def _plan_chat(spec: Spec, budget: Budget) -> ChatPlan | None:
    sources = spec.data.sources
    if not any(name in sources and sources[name].holds_conversations for name in _named(budget)):
        return None
    return ChatPlan(spec.chat.template or f"that of {spec.tokenizer.name}", spec.chat.train_on)


def _plan_phases(budget: Budget) -> Iterator[PhasePlan]:
    stages: dict[str, list[StagePlan]] = {name: [] for name in budget.phases}
    for stage, drawn in zip(budget.stages, budget.draws, strict=True):
        stages[stage.phase].append(_plan_stage(stage, drawn, budget.terms))
    for name, phase in budget.phases.items():
        yield _plan_phase(phase, tuple(stages[name]))


def _plan_stage(stage: StageBudget, drawn: tuple[EntryBudget, ...], terms: Terms) -> StagePlan:
    return StagePlan(
        key=stage.path,
        first_step=stage.start + 1,
        last_step=stage.end,
        steps=stage.steps,
        tokens_asked=stage.tokens,
        tokens_planned=stage.steps * terms.tokens_per_step * stage.sides,
        mixture=drawn,
        supervised_planned=stage.planned if terms.supervised else None,
        ended_by=stage.ended_by,
    )


def _plan_phase(phase: PhaseBudget, stages: tuple[StagePlan, ...]) -> PhasePlan:
    warmup_steps, decay_steps = phase.schedule_steps
    return PhasePlan(
        name=phase.name,
        first_step=phase.first_step,
        last_step=phase.last_step,
        steps=phase.steps,
        tokens=sum(stage.tokens_planned for stage in stages),
        trainable_parameters=phase.trainable_parameters,
        frozen_parameters=phase.frozen_parameters,
        flops_per_step=phase.flops_per_step,
        optimizer=optimizer_of(phase.sections.optimization, phase.name),
        learning_rate=LearningRatePlan(
            schedule=phase.sections.optimization.schedule,
            peak=phase.peak,
            warmup_steps=warmup_steps,
            decay_steps=decay_steps,
            first=phase.learning_rate(0),
            last=phase.learning_rate(phase.steps - 1),
        ),
        bytes_per_device=BytesPlan(
            **phase.state_bytes, activations=phase.activation_bytes, checkpoint=phase.checkpoint_bytes
        ),
        micro_batch_rows=phase.micro_batch_rows,
        attention=phase.attention_kernel,
        kernel_lost=phase.attention_kernel != phase.kernel_without_segments,
        stages=stages,
        report_steps=phase.report_steps,
        validation_steps=phase.validation_steps,
        checkpoint_steps=phase.checkpoint_steps,
    )


def _plan_adapters(spec: Spec) -> tuple[tuple[AdapterPlan, ...], tuple[str, ...]]:
    """List what each pattern matches, and the matrices that no pattern does."""
    lora, matched = spec.optimization.lora, []
    every = parameters(spec.architecture)
    for pattern in lora.target_modules:
        for parameter in adapted(every, [pattern]):
            size = sum(part.size for part in adapters([parameter], [pattern], lora.rank))
            matched.append(AdapterPlan(pattern, parameter.path, parameter.shape, size))
    paths = {adapter.path for adapter in matched}
    unadapted = tuple(parameter.path for parameter in every if parameter.matrix and parameter.path not in paths)
    return tuple(matched), unadapted


def _plan_export(spec: Spec, has_adapters: bool, size: int) -> ExportPlan:
    export = spec.export
    folders = (("base", "adapter") if export.adapter and has_adapters else ()) + (("merged",) if export.merged else ())
    own = gguf_bytes(spec.architecture, export.gguf) if export.gguf else 0
    return ExportPlan(folders, export.dtype, size, export.gguf, own)
