"""Rows of the entries of a mixture, from stage to stage."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.budget.dataset_names import Key, labels
from schema.budget.draws import DatasetKey, Draws, EntryBudget, NotPreparedError, Terms, draw_rows
from schema.budget.stages import StageBudget
from schema.check.findings import Unavailable
from schema.environment import StageDraw


def stage(start: int, end: int, **rates: float) -> StageBudget:
    mixture = [
        SimpleNamespace(name=name, suffix="", style="PMD", document_mask=False, rate=rate)
        for name, rate in rates.items()
    ]
    return StageBudget("full", "pre_lora_tokens", 0, 0, mixture, start, end)


def unknown(parts: object) -> StageDraw:
    raise NotPreparedError(str(parts))


def drawn_of(
    stages: list[StageBudget], rows: dict[DatasetKey, int] | None = None
) -> tuple[tuple[EntryBudget, ...], ...]:
    return draw_rows(stages, Draws(Terms(batch_size=4, tokens_per_step=32), (rows or {}).get, unknown))


def test_a_dataset_is_read_on_where_an_earlier_stage_left_it() -> None:
    drawn = drawn_of([stage(0, 10, web=0.75, code=0.25), stage(10, 15, web=1.0)])
    assert [[(entry.name, entry.first_row, entry.rows) for entry in each] for each in drawn] == [
        [("web", 0, 30), ("code", 0, 10)],
        [("web", 30, 20)],
    ]


def test_epochs_are_counted_to_the_end_of_a_stage_where_the_rows_are_known() -> None:
    drawn = drawn_of([stage(0, 10, web=0.5, code=0.5), stage(10, 15, web=1.0)], {Key("web", "", "PMD"): 8})
    assert [[entry.epochs for entry in each] for each in drawn] == [[2.5, None], [5.0]]
    assert [[entry.stage_epochs for entry in each] for each in drawn] == [[2.5, None], [2.5]]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 9), st.none() | st.integers(0, 90)), min_size=1, max_size=4))
def test_a_stage_ends_at_the_last_step_before_a_dataset_runs_out(mixture: list[tuple[int, int | None]]) -> None:
    names = [f"d{number}" for number in range(len(mixture))]
    asked = stage(0, 0, **{name: rate for name, (rate, _) in zip(names, mixture, strict=True)})
    left = {Key(name, "", "PMD"): rows for name, (_, rows) in zip(names, mixture, strict=True) if rows is not None}
    begun = Draws(Terms(batch_size=4, tokens_per_step=32, stops=True), left.get, unknown).begin(asked)
    most = begun.most(32 * 4 * 90)  # more than any dataset has rows for
    assert (most is None) == (not left)
    if most is not None:
        fitting = [all(rows <= left.get(key, rows) for key, rows in zip(asked.keys, begun.counts(steps), strict=True))
                   for steps in (most, most + 1)]  # fmt: skip
        assert fitting == [True, False]
        scarce = begun.scarce(most)
        assert left[Key(scarce, "", "PMD")] < begun.counts(most + 1)[names.index(scarce)]


class Halves:
    """A draw of two datasets that notes how many rows were asked for; a row has 8 supervised tokens."""

    most = 0

    def counts(self, rows: int) -> tuple[int, ...]:
        self.most = max(self.most, rows)
        return rows - rows // 2, rows // 2

    def supervised(self, rows: int) -> int:
        self.most = max(self.most, rows)
        return 8 * rows


@pytest.mark.parametrize(
    ("supervised", "wanted", "rows", "most"),
    [
        (False, 10 * 32, 10**12, None),  # ten steps; the datasets would do for 10**11
        (True, 10 * 32, 10**12, None),
        (False, 10 * 32, 15, 7),
        (True, 10**15, 15, 7),
    ],
)
def test_no_more_is_drawn_than_a_stage_or_its_data_have(
    supervised: bool, wanted: int, rows: int, most: int | None
) -> None:
    halves = Halves()
    terms = Terms(batch_size=4, tokens_per_step=32, by_tokens=True, supervised=supervised, stops=True)
    left = {Key(name, "", "PMD"): rows for name in ("web", "code")}
    begun = Draws(terms, left.get, lambda _: halves).begin(stage(0, 0, web=0.5, code=0.5))
    assert (begun.most(wanted), halves.most) == (most, 64 if most is None else 32)


def test_what_stores_decide_is_not_known_without_them_and_not_known_behind_it() -> None:
    terms = Terms(batch_size=4, tokens_per_step=32, by_tokens=True, stops=True)
    draws = Draws(terms, {Key("web", "", "PMD"): 8}.get, unknown)
    drawn = draw_rows([stage(0, 10, web=0.5, code=0.5), stage(10, 15, web=1.0), stage(15, 20, more=1.0)], draws)
    assert [[(entry.rows, entry.first_row, entry.taken, entry.epochs) for entry in each] for each in drawn] == [
        [(None, None, None, None)] * 2,
        [(None, None, None, None)],
        [(20, 0, 20, None)],
    ]


@pytest.mark.parametrize("rates", [{}, {"web": 1.0, "code": 0.0}, {"web": 2.0, "code": -1.0}])
def test_a_mixture_without_shares_has_no_rows(rates: dict[str, float]) -> None:
    with pytest.raises(Unavailable, match=r"training/pre_lora_tokens\[0\]"):
        drawn_of([stage(0, 10, **rates)])


def test_a_dataset_with_a_document_mask_is_another_one_with_a_label_of_its_own() -> None:
    plain, masked, alone = Key("web", "", "PMD"), Key("web", "", "PMD", True), Key("web", "", "PADDED")
    assert labels([masked, plain]) == {masked: "web", plain: "web:PMD"}
    assert [*labels([alone, plain, masked]).values()] == ["web", "web:PMD", "web:PMD:document_mask"]
    assert [*labels([alone, masked, plain]).values()] == ["web", "web:PMD", "web:PMD:plain"]
