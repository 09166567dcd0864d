"""What rules read of a golden spec, through its located text, is what the plan of its typed Spec says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from runner.data.planned import draw_stage
from runner.data.styles import RowSizes
from runner.plan.compile import compile_plan
from runner.plan.plan import PhasePlan, Plan
from schema.budget.budget import Budget
from schema.budget.phase import PhaseBudget
from schema.document.mixtures import entries
from schema.environment import Dataset, Environment, Split, Store
from schema.lint import accepted, lint_file
from schema.text.diagnostic import Severity
from tests.runner.plan import goldens as plan_goldens
from tests.schema.goldens import silent_specs

SPECS = Path(__file__).resolve().parents[3] / "specs"


def has_its_model(path: Path) -> bool:
    """Whether a spec names no model, or one that is here: of others neither rules nor plan know the shape."""
    document = lint_file(path).document
    return document is None or document.pretrained is None or document.pretrained.is_here


GOLDENS = [*silent_specs(), *plan_goldens.cases(), *filter(has_its_model, sorted(SPECS.glob("*.yaml")))]


class Uneven:
    """Rows of 1 to 30 supervised tokens."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return self.rows

    def sizes(self, indices: npt.NDArray[np.int64]) -> RowSizes:
        return RowSizes(1 + indices % 30, 1 + indices % 30)


def rows(style: str, block_size: int, on_too_long: str) -> int:
    del block_size, on_too_long
    return 5_000 // len(style)


STORE = Store("byte", 0, {"train": Split({100: 5_000}, rows, lambda *cut: Uneven(rows(*cut[:3])))})

RULES = SPECS.parent / "schema" / "rules"
# What rules ask of numbers that no run has: those that a fix would write.
FOR_FIXES = {"labels", "largest_divisor", "next_multiple", "resolvable", "share_of_steps"}


class Golden(NamedTuple):
    """One spec on one machine: its budget as rules read it, and its plan."""

    path: Path
    machine: Environment
    budget: Budget
    plan: Plan

    def phases(self) -> Iterator[tuple[PhaseBudget, PhasePlan]]:
        yield from zip(self.budget.phases.values(), self.plan.phases, strict=True)


@cache
def golden(path: Path) -> Golden:
    """Read a spec both ways, with a store of every dataset that it names, and devices of 16 GiB."""
    options = plan_goldens.options(path)
    devices = int(options[options.index("--devices") + 1]) if "--devices" in options else 1
    machine = Environment(devices=devices, device_bytes=16 * 2**30)
    document = lint_file(path, environment=machine).document
    assert document is not None
    stores = {entry.key[:2]: Dataset(store=STORE) for entry in entries(document)}
    machine = machine._replace(datasets=stores, draw=draw_stage)
    budget = replace(document, environment=machine).budget
    return Golden(path, machine, budget, compile_plan(accepted(lint_file(path)), devices, machine))


@pytest.fixture(params=GOLDENS, ids=[f"{path.parent.name}/{path.stem}" for path in GOLDENS])
def case(request: pytest.FixtureRequest) -> Golden:
    return golden(request.param)


def test_the_run_has_the_same_steps_and_stages(case: Golden) -> None:
    budget, plan = case.budget, case.plan
    assert (budget.tokens_per_step, budget.steps) == (plan.tokens_per_step, plan.steps)
    stages = [stage for phase in plan.phases for stage in phase.stages]
    assert [(stage.path, stage.start + 1, stage.end, stage.steps, stage.tokens) for stage in budget.stages] == [
        (stage.key, stage.first_step, stage.last_step, stage.steps, stage.tokens_asked) for stage in stages
    ]


def test_every_entry_provides_the_same_rows(case: Golden) -> None:
    mixtures = [stage.mixture for phase in case.plan.phases for stage in phase.stages]
    assert [*case.budget.draws] == mixtures
    assert all(entry.epochs is not None for mixture in mixtures for entry in mixture)


def test_the_phases_have_the_same_learning_rates(case: Golden) -> None:
    for budget, plan in case.phases():
        rate = plan.learning_rate
        assert (budget.name, budget.steps, budget.peak) == (plan.name, plan.steps, rate.peak)
        assert budget.schedule_steps == (rate.warmup_steps, rate.decay_steps)
        assert (budget.learning_rate(0), budget.learning_rate(budget.steps - 1)) == (rate.first, rate.last)


def test_events_happen_at_the_same_steps(case: Golden) -> None:
    for budget, plan in case.phases():
        assert budget.report_steps == plan.report_steps
        assert budget.validation_steps == plan.validation_steps
        assert budget.checkpoint_steps == plan.checkpoint_steps
        assert (budget.validation_steps.number, budget.checkpoint_steps.number) == (
            len(plan.validation_steps),
            len(plan.checkpoint_steps),
        )


def test_the_same_bytes_lie_on_a_device_and_on_the_disk(case: Golden) -> None:
    sizes = case.budget.disk.sizes
    for budget, plan in case.phases():
        memory = plan.bytes_per_device
        assert budget.state_bytes == {
            "parameters": memory.parameters,
            "gradients": memory.gradients,
            "optimizer": memory.optimizer,
            "base": memory.base,
        }
        assert (sizes.full if plan.name == "full" else sizes.lora) == memory.checkpoint
        assert budget.activation_bytes == memory.activations
        assert budget.micro_batch_rows == plan.micro_batch_rows
        assert plan.micro_batch_rows is not None
        assert (budget.trainable_parameters, budget.flops_per_step) == (plan.trainable_parameters, plan.flops_per_step)
    assert sizes.export == case.plan.export.bytes


def test_memory_is_refused_from_the_very_byte_that_the_plan_names(case: Golden) -> None:
    for _, plan in case.phases():
        memory = plan.bytes_per_device
        state = memory.parameters + memory.gradients + memory.optimizer + memory.base
        assert not refuses(case, plan.name, state)
        assert refuses(case, plan.name, state - 1)


def refuses(case: Golden, phase: str, device_bytes: int) -> bool:
    found = lint_file(case.path, environment=case.machine._replace(device_bytes=device_bytes)).diagnostics
    return any(
        each.slug == "memory" and each.severity is Severity.ERROR and each.message.startswith(f"phase {phase} ")
        for each in found
    )


def test_rules_compute_nothing_of_a_run_themselves() -> None:
    imported = {
        alias.name
        for path in RULES.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("schema.budget")
        for alias in node.names
    }
    assert {name for name in imported if name[0].islower()} <= FOR_FIXES
