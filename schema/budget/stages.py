"""Tokens ⇄ steps and rates ⇄ rows, in integers; the linter, the planner and the loader share it.

Steps count from 0 here: a stage covers the steps `start <= step < end`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Protocol

Phase = Literal["full", "lora"]
TOKENS_KEY: dict[Phase, str] = {"full": "pre_lora_tokens", "lora": "post_lora_tokens"}
DATASET_KEY: dict[Phase, str] = {"full": "pre_lora_dataset", "lora": "post_lora_dataset"}


class TrainingKeys(Protocol):
    """The keys of `training` that decide the stages."""

    @property
    def tokens(self) -> int:
        """Budget of a run of one phase."""

    @property
    def dataset(self) -> Sequence[Any]:
        """Mixture of a run of one phase."""

    @property
    def pre_lora_tokens(self) -> Sequence[int]:
        """Tokens of each stage of phase full."""

    @property
    def pre_lora_dataset(self) -> Sequence[Sequence[Any]]:
        """Mixture of each stage of phase full."""

    @property
    def post_lora_tokens(self) -> Sequence[int]:
        """Tokens of each stage of phase lora."""

    @property
    def post_lora_dataset(self) -> Sequence[Sequence[Any]]:
        """Mixture of each stage of phase lora."""


@dataclass(frozen=True, slots=True)
class StageBudget:
    """One stage: its key and place in the spec, the tokens asked, and its steps in the whole run."""

    phase: Phase
    key: str
    index: int
    tokens: int
    mixture: Sequence[Any]
    start: int
    end: int

    @property
    def steps(self) -> int:
        """Steps of this stage."""
        return self.end - self.start

    @property
    def path(self) -> str:
        """Path of the number that the budget is written as."""
        return f"training/{self.key}" if self.key == "tokens" else f"training/{self.key}[{self.index}]"


def one_budget(given: Collection[str]) -> bool:
    """Whether `training/tokens` and `training/dataset` decide: they are written and no per-phase key is."""
    per_phase = {*TOKENS_KEY.values(), *DATASET_KEY.values()}
    return bool({"tokens", "dataset"} & set(given)) and not per_phase & set(given)


def compile_stages(training: TrainingKeys, given: Collection[str], tokens_per_step: int) -> tuple[StageBudget, ...]:
    """Resolve the two budget families of `training` into the stages of the run, in order.

    `given` are the names of the keys that the user wrote. Cumulative ends are rounded to the nearest
    step, halves up, so that no boundary is off by more than half a step and nothing drifts.
    """
    asked: list[tuple[Phase, str, int, int, Sequence[Any]]] = []
    if one_budget(given):
        asked.append(("full", "tokens", 0, training.tokens, training.dataset))
    else:
        families: tuple[tuple[Phase, Sequence[int], Sequence[Sequence[Any]]], ...] = (
            ("full", training.pre_lora_tokens, training.pre_lora_dataset),
            ("lora", training.post_lora_tokens, training.post_lora_dataset),
        )
        for phase, tokens, mixtures in families:
            for index, (amount, mixture) in enumerate(zip(tokens, mixtures, strict=True)):
                asked.append((phase, TOKENS_KEY[phase], index, amount, mixture))
    found, total, start = [], 0, 0
    for phase, key, index, amount, mixture in asked:
        total += amount
        end = nearest_step(total, tokens_per_step)
        found.append(StageBudget(phase, key, index, amount, mixture, start, end))
        start = end
    return tuple(found)


def nearest_step(tokens: int, tokens_per_step: int) -> int:
    """Round a cumulative budget to the nearest step, halves up."""
    return (2 * tokens + tokens_per_step) // (2 * tokens_per_step)


def share_of_steps(share: float, steps: int) -> int:
    """Steps that a share of a phase covers: the nearest integer, halves up."""
    exact = Fraction(str(share)) * steps
    return int(exact + Fraction(1, 2))


def shares(rates: Sequence[float]) -> tuple[Fraction, ...]:
    """The exact shares that a mixture's rates mean: the decimal numbers as written, over their sum."""
    written = [Fraction(str(rate)) for rate in rates]
    total = sum(written)
    return tuple(rate / total for rate in written)


def rows_before(exact: Sequence[Fraction], row: int) -> tuple[int, ...]:
    """How many of the first `row` rows of a stage each dataset provides; they add up to `row`.

    Each dataset in turn takes its share, rounded, of what the datasets before it left. So counts stay within one row of
    share × row for two datasets (half a row more for each further one), and no state is needed to find them.
    """
    counts, left = [], Fraction(1)
    for share in exact[:-1]:
        counts.append(_rounded(share / left, row))
        row -= counts[-1]
        left -= share
    return (*counts, row)


def _rounded(ratio: Fraction, row: int) -> int:
    return (2 * row * ratio.numerator + ratio.denominator) // (2 * ratio.denominator)
