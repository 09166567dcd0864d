"""Validation and evaluations: the loss of every dataset of the run on its own validation split.

All datasets are scored each time, those of later stages too, so that records of one run form a matrix
of stage × dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import exp, inf

import jax
from flax.training.train_state import TrainState

from runner.data.loader import validation_batches
from runner.data.styles import Rows
from runner.mesh import put_batch
from runner.metrics import Record
from runner.plan.plan import PhasePlan
from runner.train.compiled import CompiledPhase
from schema.spec import Spec

EVALUATION_SUFFIX = "_ppl"
MOST_NATS = 700  # e^700 fits a float64, whose largest number is about e^709


@dataclass(frozen=True, slots=True)
class Scoring:
    """What is scored after a step: datasets to validate and names of evaluations; falsy where both are empty."""

    validated: tuple[str, ...]
    evaluations: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.validated or self.evaluations)

    def datasets(self) -> tuple[str, ...]:
        """Return every dataset whose loss is needed, once."""
        return tuple(dict.fromkeys([*self.validated, *map(evaluated_dataset, self.evaluations)]))


def scoring_at(step: int, phase: PhasePlan, spec: Spec, datasets: Iterable[str]) -> Scoring:
    """Return what is scored after a step: all datasets at validation steps, evaluations at the end of the phase."""
    evaluates = spec.training.evaluate and step == phase.last_step
    return Scoring(
        validated=tuple(datasets) if step in phase.validation_steps else (),
        evaluations=tuple(spec.eval.evaluations) if evaluates else (),
    )


def validation_losses(
    compiled: CompiledPhase,
    state: TrainState,
    mesh: jax.sharding.Mesh,
    rows: Mapping[str, Rows],
    rows_used: int,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, tuple[float, int]] | None:
    """Return (mean loss in nats, supervised tokens) of each dataset over its first `rows_used` rows.

    Returns None when `stop`, called before each batch, is true. Some token of those rows must be supervised, which
    the catalog checks.
    """
    assert compiled.validate is not None, "a spec that asks for no losses needs none"
    losses = {}
    for dataset, split in rows.items():
        # Sums are divided once: batches hold different numbers of supervised tokens. They are float64 on the host.
        total, tokens = 0.0, 0
        for batch in validation_batches(split, batch=compiled.validation_batch, rows_used=rows_used):
            if stop():
                return None
            sums = jax.device_get(compiled.validate(state, put_batch(mesh, batch.arrays())))
            total, tokens = total + float(sums["loss_sum"]), tokens + int(sums["supervised_tokens"])
        losses[dataset] = (total / tokens, tokens)
    return losses


def score_records(losses: Mapping[str, tuple[float, int]], scoring: Scoring, place: Record) -> Iterator[Record]:
    """Yield one record a validated dataset and one an evaluation, each at `place` (step and phase)."""
    for dataset in scoring.validated:
        loss, tokens = losses[dataset]
        yield {"event": "validation", **place, "dataset": dataset, "loss": loss, "supervised_tokens": tokens}
    for name in scoring.evaluations:
        loss, _ = losses[evaluated_dataset(name)]
        perplexity = exp(loss) if loss < MOST_NATS else inf
        yield {
            "event": "evaluation",
            **place,
            "dataset": evaluated_dataset(name),
            "loss": loss,
            "perplexity": perplexity,
        }


def evaluated_dataset(evaluation: str) -> str:
    """Return the dataset whose perplexity an evaluation is: `web_ppl` scores `web`."""
    return evaluation.removesuffix(EVALUATION_SUFFIX)
