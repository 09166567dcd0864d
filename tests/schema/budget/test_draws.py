"""Rows of the entries of a mixture, from stage to stage."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

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


@pytest.mark.parametrize("rates", [{}, {"web": 1.0, "code": 0.0}, {"web": 2.0, "code": -1.0}])
def test_a_mixture_without_shares_has_no_rows(rates: dict[str, float]) -> None:
    with pytest.raises(Unavailable, match=r"training/pre_lora_tokens\[0\]"):
        drawn_of([stage(0, 10, **rates)])


def test_a_dataset_with_a_document_mask_is_another_one_with_a_label_of_its_own() -> None:
    plain, masked, alone = Key("web", "", "PMD"), Key("web", "", "PMD", True), Key("web", "", "PADDED")
    assert labels([masked, plain]) == {masked: "web", plain: "web:PMD"}
    assert [*labels([alone, plain, masked]).values()] == ["web", "web:PMD", "web:PMD:document_mask"]
    assert [*labels([alone, masked, plain]).values()] == ["web", "web:PMD", "web:PMD:plain"]
