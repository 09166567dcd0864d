"""The checks of `exec` in its order, each answered though an earlier one failed, as facts for the linter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

from runner.checkpoint.manifest import trained_on
from runner.commands.validate.rehearsal.data import Name, RehearsedData, rehearse_data
from runner.commands.validate.rehearsal.places import check_run_folder, check_store_folder
from runner.commands.validate.rehearsal.refusals import obstacle, refusal
from runner.commands.validate.rehearsal.resuming import MOST_VERIFIED_BYTES, check_resumes, is_small
from runner.data.tokenizers.tiktoken import require_tiktoken
from runner.environment import known_data
from runner.failure import Failure
from runner.metrics.wandb import require_wandb
from runner.plan.compile import compile_plan
from runner.plan.plan import Plan
from runner.report.summary import is_finished, read_summary
from runner.run.execution import ExecutionSpec
from runner.run.layout import is_run
from runner.train.checks import checks_of
from runner.weights.hub import is_whole, refuse_offline
from runner.weights.start import find_start
from schema.budget.budget import budget_of
from schema.budget.mesh import fewest_devices
from schema.document.hub import hub_name
from schema.environment import Dataset, Environment, Obstacle, Refusal
from schema.section import Section
from schema.spec import Spec

Answer = TypeVar("Answer")


def rehearse(execution: ExecutionSpec, facts: Environment) -> Environment:
    """Return the facts of a machine with what `exec` would refuse of a spec that the linter has accepted with them.

    Devices that nobody counted are as many as the mesh has. A run that is finished is refused nothing.
    """
    asked = _Asked(execution.spec)
    run_option = f"--run-dir {execution.run_dir}"
    budget = budget_of(execution.spec, facts)
    waits = budget.course.waits
    plan = None if waits else asked.ask("training", partial(_plan, execution.spec, facts))
    if not waits and plan is None:
        return asked.answer(facts)
    if plan and asked.ask(run_option, partial(_is_finished, execution, plan)):
        return asked.answer(facts)
    asked.packages()
    for check in checks_of(execution, trains_adapters=budget.has_adapters):
        if check.key != "logging/wandb":  # which asked.packages() has done
            asked.ask(check.key, check.ask)
    if execution.starting_point is not None and not is_run(execution.run_dir):
        asked.ask(_start_key(execution), partial(_check_start, execution))
    data = RehearsedData()
    if "tiktoken" not in asked.missing:
        data = rehearse_data(execution.spec, plan, facts.datasets, trained_on(execution.run_dir))
        asked.refused += data.refused
    asked.ask("data/root", partial(_check_stores, execution.spec, data.datasets, facts))
    asked.ask(run_option, partial(check_run_folder, execution.run_dir))
    if plan and is_run(execution.run_dir):
        asked.ask(run_option, partial(check_resumes, execution, plan, data.digests, facts))
    return asked.answer(facts, data.datasets)


@dataclass(slots=True)
class _Asked:
    """The refusals so far: packages that are missing, by name, and all others."""

    spec: Spec
    missing: dict[str, Obstacle] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)

    def ask(self, key: str, check: Callable[[], Answer]) -> Answer | None:
        """Make one check, about a key of the spec or an option with its value; None where it refuses."""
        try:
            return check()
        except Failure as failure:
            self.refused.append(refusal(failure, key, "" if key.startswith("-") else _value(self.spec, key)))
            return None

    def packages(self) -> None:
        """Import the packages that are installed with lorarun only where a spec asks for them."""
        wanted = {"wandb": (self.spec.logging.wandb, require_wandb)}
        wanted["tiktoken"] = (self.spec.tokenizer.backend == "tiktoken", require_tiktoken)
        for package, (is_wanted, require) in wanted.items():
            try:
                if is_wanted:
                    require()
            except Failure as failure:
                self.missing[package] = obstacle(failure)

    def answer(self, facts: Environment, datasets: Mapping[Name, Dataset] = MappingProxyType({})) -> Environment:
        """Return the facts with all that was found."""
        return facts._replace(
            missing=MappingProxyType(self.missing),
            refused=tuple(self.refused),
            datasets=MappingProxyType({**facts.datasets, **datasets}),
        )


def _value(spec: Spec, key: str) -> str:
    """What a spec says at a key of a section or a subsection, as the linter compares it."""
    found: Any = spec
    for name in key.split("/"):
        found = getattr(found, name)
    return "" if isinstance(found, Section) else str(found)


def _plan(spec: Spec, facts: Environment) -> Plan:
    known = known_data(spec)
    if budget_of(spec, known).terms.reads_stores:  # those that a run would use as they are
        known = known._replace(datasets=facts.datasets)
    return compile_plan(spec, facts.devices or fewest_devices(spec.mesh), known)


def _is_finished(execution: ExecutionSpec, plan: Plan) -> bool:
    """Whether the run directory holds the whole run, whose checkpoints are verified where they are small."""
    run_dir = execution.run_dir
    summary = read_summary(run_dir)
    return summary is not None and (not is_small(run_dir) or is_finished(run_dir, summary, plan, execution.spec))


def _start_key(execution: ExecutionSpec) -> str:
    """Where the weights of a new run are named."""
    return f"--restore {execution.restore}" if execution.restore else "architecture/pretrained"


def _check_start(execution: ExecutionSpec) -> None:
    """Verify the weights that a run starts from, as far as that takes a moment. Raises Failure.

    Of a model that `exec` fetches first, nothing is known but whether it may.
    """
    spec, start = execution.spec, execution.starting_point
    assert start is not None
    on_hub = hub_name(spec.architecture.pretrained or "") if execution.restore is None else None
    if on_hub is not None and not is_whole(on_hub):
        refuse_offline(on_hub, weights=True)
        return
    find_start(start, spec).verify(MOST_VERIFIED_BYTES)


def _check_stores(spec: Spec, datasets: Mapping[Name, Dataset], facts: Environment) -> None:
    """Look whether the stores that a run would make can be written. Raises Failure."""
    for name, suffix in datasets:
        known = facts.datasets.get((name, suffix), Dataset())
        if known.source and not known.store:
            check_store_folder(spec.data.root, name, suffix)
