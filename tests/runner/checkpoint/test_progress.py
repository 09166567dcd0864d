"""A run's progress is one value: each step returns the next one, and a manifest's JSON holds all of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runner.checkpoint.progress import Progress
from runner.data.ledger import Ledger, RunLedger
from runner.data.loader import Batch
from runner.report.ledger import LedgerLine, differences, with_counts

whole = st.integers(0, 2**60)
names = st.text(max_size=5)
ledgers = st.builds(Ledger, whole, whole, whole, whole)
progresses = st.builds(
    Progress,
    phase=st.sampled_from(["full", "lora"]),
    stage=whole,
    step=whole,
    ledger=st.builds(RunLedger, st.dictionaries(names, st.dictionaries(names, ledgers, min_size=1, max_size=3)), names),
    stores=st.dictionaries(names, names, max_size=3),
    skipped_steps=whole,
    base_digest=st.none() | names,
)


def batch(step: int, digest: str, **taken: Ledger) -> Batch:
    tokens: Any = np.zeros((1, 2), np.int32)
    return Batch(tokens, tokens, tokens.astype(np.float32), step, digest, taken)


@given(progresses)
def test_a_progress_comes_back_from_json_as_it_was(progress: Progress) -> None:
    assert Progress.from_json(json.loads(json.dumps(asdict(progress)))) == progress


def test_a_step_adds_its_batch_to_the_ledger_and_leaves_the_former_progress_as_it_was() -> None:
    begun = Progress("full", stores={"a": "digest"})
    one = begun.after(1, batch(1, "x", a=Ledger(2, 20, 10)))
    two = one.after(2, batch(2, "y", a=Ledger(1, 5, 5), b=Ledger(1, 7, 3)))
    assert (begun.step, begun.ledger) == (0, RunLedger())
    assert one.ledger.counts == {"a": Ledger(2, 20, 10)}
    assert two.ledger.counts == {"a": Ledger(3, 25, 15), "b": Ledger(1, 7, 3)}
    assert two.ledger.stages["full/2"] == {"a": Ledger(1, 5, 5), "b": Ledger(1, 7, 3)}
    assert (two.phase, two.stage, two.step, two.stores) == ("full", 2, 2, {"a": "digest"})


def test_the_ledger_of_an_older_version_counts_on() -> None:
    counts = {"a": {"rows": 2, "tokens_seen": 20, "tokens_supervised": 10}}
    older = Progress.from_json(asdict(Progress("full")) | {"ledger": {"counts": counts, "token_digest": "d"}})
    found = older.after(1, batch(2, "y", a=Ledger(1, 5, 5, 3))).ledger
    assert found.stages == {"earlier": {"a": Ledger(2, 20, 10)}, "full/1": {"a": Ledger(1, 5, 5, 3)}}
    assert found.counts == {"a": Ledger(3, 25, 15, 3)}
    lines = [LedgerLine("full", 1, "a", Ledger(3, 25, 15, 7), 0.5)]
    assert with_counts(lines, found) == lines
    assert list(differences(lines, found)) == []
    one_more = [replace(lines[0], planned=Ledger(3, 26, 15, 6))]
    assert list(differences(one_more, found)) == ["a: 26 tokens planned and 25 counted"]


def test_the_token_digest_depends_on_the_order_of_the_batches() -> None:
    digests = {
        Progress("full").after(1, batch(1, one)).after(1, batch(2, other)).ledger.token_digest
        for one, other in ("xy", "yx")
    }
    assert len(digests) == 2


def test_phase_lora_begins_with_its_base_at_the_step_where_phase_full_ended() -> None:
    ended = Progress("full", stage=3, step=7)
    assert ended.in_phase_lora("base") == Progress("lora", stage=1, step=7, base_digest="base")


def test_a_step_that_was_skipped_is_counted() -> None:
    assert Progress("full").with_skipped_step() == replace(Progress("full"), skipped_steps=1)
