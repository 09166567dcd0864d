"""What is planned of each stage and dataset is what the loader gives, to the token, for every style and epoch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.batch import BatchSpec
from runner.data.ledger import Ledger, RunLedger
from runner.data.loader import train_batches
from runner.data.mixture import MixtureEntry
from runner.data.styles import Rows, load_style
from runner.failure import Failure
from runner.report import planned_ledger
from runner.report.planned_ledger import DatasetLedger
from schema.budget.stages import rows_before, shares
from tests.runner.data.pairs.test_pair_rows import Split as Pairs
from tests.runner.data.test_data_styles import EXAMPLES, STYLES, Examples, Split

DATASET = st.tuples(EXAMPLES, STYLES, st.booleans())
STAGE = st.tuples(st.integers(1, 12), st.lists(st.integers(1, 9), min_size=3, max_size=3))
Stages = Sequence[tuple[int, list[int]]]  # steps, and the rate of each dataset
BATCH_SIZE, BLOCK_SIZE, SEED = 3, 4, 5


def opened(examples: Examples, kind: tuple[str, str], document_mask: bool) -> Rows | None:
    style, on_too_long = kind
    try:
        return load_style(style).open_rows(Split(examples), BLOCK_SIZE, on_too_long, document_mask)
    except Failure:
        return None


def counted_and_planned(rows: Sequence[Rows], batch: BatchSpec, stages: Stages) -> tuple[RunLedger, RunLedger]:
    """Read all batches of some stages, and plan them."""
    planned = [DatasetLedger(each, str(number), SEED) for number, each in enumerate(rows)]
    first_rows, step, counted = [0] * len(rows), 1, RunLedger()
    expected: dict[str, dict[str, Ledger]] = {}
    for number, (steps, rates) in enumerate(stages, start=1):
        exact = shares(rates[: len(rows)])
        parts = enumerate(zip(rows, exact, first_rows, strict=True))
        entries = [MixtureEntry(str(place), *each) for place, each in parts]
        asked = {"first_step_of_stage": step, "start_step": step, "end_step": step + steps}
        with train_batches(entries, seed=SEED, batch=batch, **asked) as batches:
            for each in batches:
                counted = counted.add("full", number, each)
        taken = rows_before(exact, steps * BATCH_SIZE)
        expected[f"full/{number}"] = {
            str(place): own.taken(first_rows[place], taken[place]) for place, own in enumerate(planned)
        }
        first_rows = [first + more for first, more in zip(first_rows, taken, strict=True)]
        step += steps
    return counted, RunLedger(expected, counted.token_digest)


@given(st.lists(DATASET, min_size=1, max_size=3), st.lists(STAGE, min_size=1, max_size=3))
@settings(max_examples=25)
def test_what_a_stage_counts_was_planned(
    datasets: Sequence[tuple[Examples, tuple[str, str], bool]], stages: Stages
) -> None:
    rows = [found for dataset in datasets if (found := opened(*dataset)) is not None]
    counted, planned = counted_and_planned(
        rows, BatchSpec(BATCH_SIZE, BLOCK_SIZE, segmented=True), stages if rows else ()
    )
    assert counted == planned
    for found in planned.stages.values():
        assert sum(each.tokens_seen + each.padding for each in found.values()) % (BATCH_SIZE * BLOCK_SIZE) == 0


def test_pairs_are_counted_as_planned() -> None:
    pairs = Pairs([([1] * (n % 4), [2] * (n % 3 + 1), [3] * (n % 5 + 1)) for n in range(20)])
    rows = load_style("CONTRASTIVE").open_rows(pairs, BLOCK_SIZE, "truncate")
    batch = BatchSpec(BATCH_SIZE, BLOCK_SIZE, sides=2)
    counted, planned = counted_and_planned([rows, rows], batch, [(4, [1, 3]), (9, [2, 1])])
    assert counted == planned
    assert sum(each.tokens_seen + each.padding for each in counted.counts.values()) == 13 * 2 * BATCH_SIZE * BLOCK_SIZE


@pytest.mark.parametrize("at_once", [2**16, 7])
def test_parts_of_epochs_add_up(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(planned_ledger, "ROWS_AT_ONCE", at_once)
    examples = [([1] * (n % 3), [2] * (n % 5 + 1)) for n in range(40)]
    rows = load_style("PADDED").open_rows(Split(examples), BLOCK_SIZE, "truncate")
    numbers = np.arange(len(rows))
    tokens, supervised = rows.sizes(numbers)
    whole = Ledger(40, int(tokens.sum()), int(supervised.sum()), 40 * BLOCK_SIZE - int(tokens.sum()))
    for cuts in ([0, 3, 35, 40], [0, 39, 41, 80], [0, 60, 85, 120], [0, 0, 1, 200]):
        fresh = DatasetLedger(rows, "x", SEED)
        parts = [fresh.taken(begin, end - begin) for begin, end in pairwise(cuts)]
        assert sum(parts, Ledger()) == whole * (cuts[-1] // 40)
        assert [part.rows for part in parts] == np.diff(cuts).tolist()
