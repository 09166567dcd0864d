"""LR607 compares the free bytes with the room that the budget asks for, to the byte."""

from __future__ import annotations

from typing import Any

from schema.document import read_document
from schema.lint import lint_text
from tests.schema.budget.test_disk import LAST, SPEC, budgeted
from tests.schema.goldens import environment_of

TEXT = SPEC.format(keep=1, interval=40, export="true")


def is_silent(free_bytes: int, **run: Any) -> bool:
    found = lint_text(TEXT, environment=environment_of({"free_bytes": free_bytes, "run": run})).diagnostics
    return all(each.slug != "checkpoint-budget" for each in found)


def test_it_speaks_where_a_run_would_not_find_the_room_and_nowhere_else() -> None:
    run = {"step": 7, "saved": (7,)}
    disk = budgeted(read_document(TEXT.encode(), "spec.yaml"), **run)
    room = disk.needed - disk.held
    assert room > 0
    assert is_silent(room, path="runs/a", **run)
    assert not is_silent(room - 1, path="runs/a", **run)


def test_it_is_silent_about_a_run_that_this_spec_cannot_resume() -> None:
    assert not is_silent(0, path="runs/a", step=LAST, saved=[3])
    assert is_silent(0, path="runs/a", step=3, saved=[3], spec={"training/seed": 9})
