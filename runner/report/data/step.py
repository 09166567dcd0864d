"""Which rows a step of a run takes, in the order of its batch: by the arithmetic of the loader."""

from __future__ import annotations

from dataclasses import dataclass

from runner.data.catalog import Catalog
from runner.data.mixture import check_rows, draw
from runner.data.styles import Rows
from runner.failure import ExitCode, Failure
from runner.plan.plan import Plan
from schema.spec import Spec


@dataclass(frozen=True, slots=True)
class StepRows:
    """The batch of a `step` of the run, in a stage of a phase, counted from 1; `rows` are (dataset, rows, number)."""

    step: int
    phase: str
    stage: int
    rows: list[tuple[str, Rows, int]]


def rows_of_step(catalog: Catalog, plan: Plan, spec: Spec, step: int) -> StepRows:
    """Return the rows of a step. Raises Failure INVALID where the plan has no such step."""
    found = [
        (phase.name, number, stage)
        for phase in plan.phases
        for number, stage in enumerate(phase.stages, start=1)
        if stage.first_step <= step <= stage.last_step
    ]
    if not found:
        raise Failure(
            f"--step {step}: the steps of the plan are 1 to {plan.steps}; write one of them", ExitCode.INVALID
        )
    phase, number, stage = found[0]
    entries, size = catalog.entries(stage), spec.training.batch_size
    check_rows(entries)
    drawn = draw(entries, spec.training.seed, (step - stage.first_step) * size, size)
    placed = {
        place: (entry.name, entry.rows, row)
        for entry, own in zip(entries, drawn, strict=True)
        for place, row in zip(own.places.tolist(), own.numbers.tolist(), strict=True)
    }
    return StepRows(step, phase, number, [placed[place] for place in range(size)])
