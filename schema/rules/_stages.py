"""What rules about the phases of a run share: the steps that a phase needs, and how they write a share."""

from __future__ import annotations

from decimal import Context, Decimal

from schema.budget.stages import Phase, StageBudget
from schema.document import Document
from schema.rules._edits import number
from schema.text.scalars import spelled
from schema.text.wording import count

# A phase of fewer steps is reported as a whole, by LR104.
LEAST_STEPS = 10
# A phase lora of fewer steps is reported by LR108 where it is less than 1 % of the run, too.
ENOUGH_STEPS = 20


def under_one_step(document: Document, stage: StageBudget) -> bool:
    """Whether a stage gets no step of its own, which LR103 reports; LR242 does where its data ran out before."""
    too_few = not document.budget.terms.supervised and stage.tokens < document.budget.tokens_per_step * stage.sides
    return too_few or (stage.steps <= 0 and not stage.ended_by)


def is_too_short(document: Document) -> bool:
    """Whether LR103 or LR104 stands: what is measured in steps of the run waits until the budgets are right."""
    short = any(phase.steps < LEAST_STEPS for phase in document.budget.phases.values())
    return short or any(under_one_step(document, stage) for stage in document.budget.stages)


def enough(document: Document, name: Phase, stage: StageBudget) -> str:
    """Write the tokens of a stage with which its phase is long enough for LR103, LR104 and LR108, and their steps.

    Supervised tokens are those of its average step; none is known of a stage that has no step.
    """
    phases, step = document.budget.phases, document.budget.tokens_per_step * stage.sides
    if document.budget.terms.supervised:
        if not stage.steps:
            return "more"
        step = max(1, -(-stage.planned // stage.steps))
    least = LEAST_STEPS
    if name == "lora" and "full" in phases:
        least = max(least, min(ENOUGH_STEPS, -(-phases["full"].steps // 99)))  # 1 % of both
    others = sum(other.tokens for other in phases[name].stages if other is not stage)
    steps = max(1, least - others // step)
    return f"{number(document, stage.path, steps * step)} or more ({count(steps, 'step')} of {step:,})"


def share(part: int, whole: int, rounding: str) -> str:
    """Write a share of steps as a decimal number of at most three digits."""
    return spelled(float(Context(prec=3, rounding=rounding).divide(Decimal(part), Decimal(whole))))
