"""The stages of a run with their steps and draws, which may need each other, and what token stores say of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

from schema.budget.dataset_names import folder_name, labels
from schema.budget.draws import DatasetKey, Draws, EntryBudget, NotPreparedError, Terms, draw_rows
from schema.budget.sides import CONTRASTIVE
from schema.budget.stages import AskedStage, Plain, StageBudget, compile_stages
from schema.check.findings import Unavailable
from schema.environment import Drawn, Environment, Split, StageDraw

Staged = tuple[tuple[StageBudget, ...], tuple[tuple[EntryBudget, ...], ...]]  # stages, and the entries of each


@dataclass(frozen=True, eq=False)
class Course:
    """What becomes of the `asked` stages on the machine of an Environment, for `sections` as Budget has them."""

    asked: tuple[AskedStage, ...]
    sections: Any
    environment: Environment

    @cached_property
    def terms(self) -> Terms:
        """How stages are drawn; of a key of `data` that failed, its default is said."""
        training = self.sections.training
        return Terms(
            batch_size=training.batch_size,
            tokens_per_step=training.batch_size * self.sections.architecture.block_size,
            by_tokens=self._data("rates_by", "rows") == "tokens",
            supervised=training.budget == "supervised_tokens",
            stops=self._data("on_exhausted", "repeat") == "stop",
        )

    def _data(self, key: str, default: str) -> str:
        try:
            return str(getattr(self.sections.data, key))
        except Unavailable:
            return default

    @property
    def stages(self) -> tuple[StageBudget, ...]:
        """The stages with their steps; raises NotPreparedError where these follow from stores that nobody knows."""
        return self._drawn()[0] if self.terms.decides_steps else self._plain

    @property
    def waits(self) -> bool:
        """Whether the steps follow from token stores, of which nobody knows one."""
        try:
            return self.stages is None
        except NotPreparedError:
            return True

    @property
    def draws(self) -> tuple[tuple[EntryBudget, ...], ...]:
        """The mixture of each stage, with the rows that every entry provides."""
        return self._drawn()[1]

    @cached_property
    def _plain(self) -> tuple[StageBudget, ...]:
        """The stages, where their budgets alone decide, and of their mixtures the styles."""
        return compile_stages(self.asked, lambda stage: Plain(self.terms.tokens_per_step * stage.sides))

    def _drawn(self) -> Staged:
        if isinstance(self._tried, Unavailable):
            raise self._tried
        return self._tried

    @cached_property
    def _tried(self) -> Staged | Unavailable:
        """The stages and their draws, or why there are none: many rules ask, and stores are read once."""
        draws = Draws(self.terms, cache(self._rows_of), self._draw)
        try:
            if not self.terms.decides_steps:
                return self._plain, draw_rows(self._plain, draws)
            return compile_stages(self.asked, draws.begin), tuple(draws.entries)
        except Unavailable as refused:
            return refused

    def _split_of(self, key: DatasetKey) -> Split | None:
        """The training split of a dataset; None where its store is not known."""
        found = self.environment.datasets.get(key[:2])
        if found is None or found.store is None or found.store.pairs != (key.style == CONTRASTIVE):
            return None
        return found.store.splits.get("train")

    def _cut(self, key: DatasetKey) -> tuple[str, int, str]:
        """What decides the rows of a split."""
        return key.style, self.sections.architecture.block_size, self.sections.data.on_too_long

    def _rows_of(self, key: DatasetKey) -> int | None:
        """Rows of the training split of a dataset; None where its store is not known."""
        split = self._split_of(key)
        return None if split is None else split.rows(*self._cut(key))

    @cached_property
    def _labels(self) -> dict[DatasetKey, str]:
        """What each dataset is called, by which its rows are shuffled."""
        return labels(key for stage in self.asked for key in stage.keys)

    def _draw(self, parts: Sequence[tuple[DatasetKey, Fraction, int]]) -> StageDraw:
        """Count what a stage takes of its datasets; raises NotPreparedError where the store of one is not known."""
        found, draw = [], self.environment.draw
        for key, share, first_row in parts:
            split = self._split_of(key)
            if draw is None or split is None or split.open is None:
                known = self.environment.datasets.get(key[:2])
                state = "was made of something else" if known and known.outdated else "is not made yet"
                raise NotPreparedError(f"the token store of '{folder_name(*key[:2])}' {state}")
            found.append(Drawn(self._labels[key], share, first_row, split.open(*self._cut(key), key.document_mask)))
        assert draw is not None
        return draw(found, self.sections.training.seed, self.terms.by_tokens)
