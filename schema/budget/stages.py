"""Tokens ⇄ steps and rates ⇄ rows, in integers; the linter, the planner and the loader share it.

Steps count from 0 here: a stage covers the steps `start <= step < end`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Protocol

from schema.budget.dataset_names import Key, key_of
from schema.budget.sides import mixture_sides

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
class AskedStage:
    """One stage as the spec asks for it: its key and place there, and `tokens` in the unit of training/budget."""

    phase: Phase
    key: str
    index: int
    tokens: int
    mixture: Sequence[Any]

    @property
    def path(self) -> str:
        """Path of the number that the budget is written as."""
        return f"training/{self.key}" if self.key == "tokens" else f"training/{self.key}[{self.index}]"

    @property
    def sides(self) -> int:
        """Sequences that one of its rows is."""
        return mixture_sides(self.mixture)

    @property
    def keys(self) -> list[Key]:
        """The dataset of each entry of its mixture, in order."""
        return [key_of(entry) for entry in self.mixture]


@dataclass(frozen=True, slots=True)
class StageBudget(AskedStage):
    """One stage with its steps in the whole run, which take `planned` of the unit of training/budget.

    `ended_by` is the dataset that runs out, where data/on_exhausted ends the stage before its tokens are taken.
    """

    start: int
    end: int
    planned: int = 0
    ended_by: str = ""

    @property
    def steps(self) -> int:
        """Steps of this stage."""
        return self.end - self.start


class Measured(Protocol):
    """A stage that is being planned, behind all stages before it."""

    def most(self, wanted: int) -> int | None:
        """Whole steps until a dataset runs out; None where none does before they take `wanted`."""

    def scarce(self, most: int) -> str:
        """The dataset of which too little is left for one step more."""

    def taken(self, steps: int) -> int:
        """What its first steps take, in the unit of training/budget."""

    def close(self, steps: int) -> None:
        """Take so many steps."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A stage whose budget is tokens, and whose datasets never end it: of its mixture the styles alone count."""

    tokens_per_step: int

    def most(self, wanted: int) -> int | None:
        """No dataset runs out."""
        return None

    def scarce(self, most: int) -> str:
        """No dataset runs out."""
        return ""

    def taken(self, steps: int) -> int:
        """Tokens of its first steps."""
        return steps * self.tokens_per_step

    def close(self, steps: int) -> None:
        """Nothing follows from it."""


def one_budget(given: Collection[str]) -> bool:
    """Whether `training/tokens` and `training/dataset` decide: they are written and no per-phase key is."""
    per_phase = {*TOKENS_KEY.values(), *DATASET_KEY.values()}
    return bool({"tokens", "dataset"} & set(given)) and not per_phase & set(given)


def asked_stages(training: TrainingKeys, given: Collection[str]) -> tuple[AskedStage, ...]:
    """Resolve the two budget families of `training` into the stages that it asks for, in order.

    `given` are the names of the keys that the user wrote.
    """
    if one_budget(given):
        return (AskedStage("full", "tokens", 0, training.tokens, training.dataset),)
    families: tuple[tuple[Phase, Sequence[int], Sequence[Sequence[Any]]], ...] = (
        ("full", training.pre_lora_tokens, training.pre_lora_dataset),
        ("lora", training.post_lora_tokens, training.post_lora_dataset),
    )
    return tuple(
        AskedStage(phase, TOKENS_KEY[phase], index, amount, mixture)
        for phase, tokens, mixtures in families
        for index, (amount, mixture) in enumerate(zip(tokens, mixtures, strict=True))
    )


def compile_stages(asked: Sequence[AskedStage], measure: Callable[[AskedStage], Measured]) -> tuple[StageBudget, ...]:
    """Give every stage its steps; `measure` begins one, behind those that it has begun before.

    What is taken by the end of a stage is as near as whole steps come to what all stages so far asked, the more steps
    of two that are as near: nothing drifts. A stage that a dataset ends is as long as its data; what is missing then is
    not made up for by later stages.
    """
    found: list[StageBudget] = []
    missing = start = 0
    for stage in asked:
        missing += stage.tokens
        measured = measure(stage)
        most = measured.most(missing)
        steps = nearest_steps(measured.taken, missing, None if most is None else most + 1)
        is_ended = most is not None and steps > most
        steps = min(steps, most) if most is not None else steps
        planned = measured.taken(steps)
        missing = 0 if is_ended else missing - planned
        measured.close(steps)
        named = (stage.phase, stage.key, stage.index, stage.tokens, stage.mixture)
        ended_by = measured.scarce(steps) if is_ended else ""
        found.append(StageBudget(*named, start, start + steps, planned, ended_by))
        start += steps
    return tuple(found)


def nearest_steps(taken: Callable[[int], int], wanted: int, most: int | None = None) -> int:
    """Return how many steps take nearest to `wanted`, the more of two that are as near; `most` at most.

    `taken` says what the first steps take: 0 for none, never less for more, and at some time more.
    """
    if wanted <= 0:
        return 0
    low, high = 0, 1  # taken(low) < wanted
    while taken(high) < wanted:
        if most is not None and high >= most:
            return most
        low, high = high, 2 * high if most is None else min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if taken(middle) < wanted else (low, middle)
    return low if wanted - taken(low) < taken(high) - wanted else high


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
