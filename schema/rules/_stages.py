"""What several rules ask about the budgets and mixtures of a document."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from types import SimpleNamespace
from typing import Any

from schema.budget import stages as budget
from schema.document import Document, Unavailable
from schema.text.scalars import spelled

# A phase of fewer steps is reported as a whole, by LR104.
LEAST_STEPS = 10
PER_PHASE = (*budget.TOKENS_KEY.values(), *budget.DATASET_KEY.values())
DECIDING = ("tokens", "dataset", *budget.TOKENS_KEY.values(), *budget.DATASET_KEY.values())
# The keys of a run of one phase, and what phase full has in their place.
OF_PHASE_FULL = {"tokens": budget.TOKENS_KEY["full"], "dataset": budget.DATASET_KEY["full"]}


def one_budget(document: Document) -> bool:
    """Whether training/tokens and training/dataset decide."""
    return budget.one_budget(_written(document))


def displaced(document: Document) -> dict[str, str]:
    """Return keys of a run of one phase, each with the key of phase full in whose place it stands: LR111 says so."""
    return {
        key: own
        for key, own in OF_PHASE_FULL.items()
        if not one_budget(document) and document.given(f"training/{key}") and not document.given(f"training/{own}")
    }


def adapters_without_phase(document: Document) -> bool:
    """Whether optimization/lora is written, and nothing of phase lora: LR107 says so."""
    budgets = (f"training/{family['lora']}" for family in (budget.TOKENS_KEY, budget.DATASET_KEY))
    return document.given("optimization/lora") and not any(map(document.given, budgets))


def tokens_per_step(document: Document) -> int:
    """Tokens that one step consumes."""
    return int(document.value("training/batch_size") * document.value("architecture/block_size"))


def planned(document: Document) -> tuple[budget.StageBudget, ...]:
    """Return the stages of the run; raise Unavailable where phases are incomplete, or budgets and mixtures unequal."""
    if displaced(document) or (adapters_without_phase(document) and not one_budget(document)):
        raise Unavailable("training")
    training = SimpleNamespace(**{key: document.value(f"training/{key}") for key in DECIDING})
    for phase in budget.TOKENS_KEY:
        tokens, mixtures = getattr(training, budget.TOKENS_KEY[phase]), getattr(training, budget.DATASET_KEY[phase])
        if len(tokens) != len(mixtures) and not one_budget(document):
            raise Unavailable(budget.TOKENS_KEY[phase])
    return budget.stages(training, _written(document), tokens_per_step(document))


def phases(document: Document) -> dict[budget.Phase, list[budget.StageBudget]]:
    """Return the stages of each phase that has any."""
    found: dict[budget.Phase, list[budget.StageBudget]] = {}
    for stage in planned(document):
        found.setdefault(stage.phase, []).append(stage)
    return found


def schedule(document: Document, steps: int) -> tuple[int, int]:
    """Return the (warm-up, decay) steps of a phase, as `schedules.wsd` does; raise Unavailable as LR401 does."""
    shares = document.value("training/warmup_pct"), document.value("training/decay_pct")
    if sum(shares) > 1:
        raise Unavailable("training/decay_pct")
    warmup, decay = (budget.share_of_steps(share, steps) for share in shares)
    return warmup, min(decay, steps - warmup)


def share(part: int, whole: int, rounding: str) -> str:
    """Write a share of steps as a decimal number of at most three digits."""
    return spelled(float(Context(prec=3, rounding=rounding).divide(Decimal(part), Decimal(whole))))


def stage_path(stage: budget.StageBudget) -> str:
    """Path of the number that a stage's budget is written as."""
    return f"training/{stage.key}" if stage.key == "tokens" else f"training/{stage.key}[{stage.index}]"


def mixtures(document: Document) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield path and entries of every written mixture that can be read."""
    for key in ("dataset", *budget.DATASET_KEY.values()):
        path = f"training/{key}"
        if not document.given(path):
            continue
        paths = [path] if key == "dataset" else [f"{path}[{index}]" for index in range(document.length(path))]
        yield from ((each, document.value(each)) for each in paths if document.available(each))


def _written(document: Document) -> set[str]:
    return {key for key in DECIDING if document.given(f"training/{key}")}
