"""What `lorarun data` says is what the loader gives to a run: rows, their counts, and the text that they stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import chdir
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.commands.accepted import UNTRAINED
from runner.data.batch import BatchSpec
from runner.data.catalog import Catalog, open_catalog
from runner.data.ledger import RunLedger
from runner.data.loader import train_batches
from runner.data.mixture import MixtureEntry
from runner.data.stores.display import Silent
from runner.data.tokenizers.byte import END, PAD, ByteTokenizer
from runner.data.tokenizers.huggingface import HuggingFaceTokenizer, load_huggingface
from runner.plan.compile import compile_plan
from runner.plan.plan import Plan
from runner.report.data.lengths import histogram
from runner.report.data.pieces import Piece, pieces_of
from runner.report.data.rows import ShownPair, ShownRow, read_rows
from runner.report.data.sources import SourceRows, find_sources
from runner.report.data.step import rows_of_step
from runner.report.data.totals import count_rows
from schema.lint import accepted, lint_file
from schema.spec import Spec
from tests.runner.data.tokenizer_folders import KINDS, folder
from tests.runner.report.data.goldens import FOLDER, cases, fill, outputs, printed


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_a_view_prints_what_was_reviewed(path: Path) -> None:
    assert printed(path) == path.with_suffix(".out").read_text(encoding="utf-8")


def test_no_output_is_left_without_its_spec() -> None:
    assert {path.with_suffix(".yaml") for path in outputs()} == set(cases())


def sequences(shown: Sequence[ShownRow | ShownPair]) -> list[ShownRow]:
    """The rows, of pairs both sides."""
    return [side for row in shown for side in ((row.chosen, row.rejected) if isinstance(row, ShownPair) else (row,))]


def open_golden(name: str, where: Path) -> tuple[Spec, Plan, Catalog]:
    """The data of a golden, prepared in a folder that is filled."""
    with chdir(where):
        spec = accepted(lint_file(FOLDER / "specs" / f"{name}.yaml"), UNTRAINED)
        plan = compile_plan(spec)
        return spec, plan, open_catalog(spec, plan, Silent())


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> list[SourceRows]:
    """Sources of every style, with examples that are dropped, of conversations, and of pairs."""
    where = tmp_path_factory.mktemp("data")
    fill(where)
    names = ("two_styles", "dropped", "conversations", "contrastive")
    return [source for name in names for source in find_sources(open_golden(name, where)[2], [])]


def test_the_counts_of_a_table_are_those_of_the_ledger_after_one_pass(opened: list[SourceRows]) -> None:
    assert [(source.name, source.style) for source in opened] == [
        ("texts", "PMD"), ("pairs", "PADDED"), ("texts:PADDED", "PADDED"), ("pairs", "PADDED"), ("talk", "PADDED"),
        ("preferences", "CONTRASTIVE"),
    ]  # fmt: skip
    for source in opened:
        for rows in source.rows.values():
            batch = BatchSpec(1, rows.block_size, sides=rows.sides)
            entry = MixtureEntry(source.name, rows, Fraction(1))
            ledger, padding = RunLedger(), 0
            steps = {"first_step_of_stage": 0, "start_step": 0, "end_step": len(rows)}
            with train_batches([entry], seed=3, batch=batch, **steps) as batches:
                for each in batches:
                    ledger = ledger.add("full", 1, each)
                    padding += int((each.tokens == rows.pad).sum())
            found = count_rows(rows)
            assert (found.taken, found.padding) == (ledger.counts[source.name], padding)


def test_a_row_is_what_the_loader_gives_to_the_model(opened: list[SourceRows]) -> None:
    for source in opened:
        rows = source.rows["train"]
        gathered = rows.gather(np.arange(len(rows)))
        shown = list(read_rows(source.name, "train", rows, range(len(rows))))
        assert [row.number for row in sequences(shown)[:: rows.sides]] == list(range(len(rows)))
        for row, tokens, mask in zip(sequences(shown), gathered.tokens.tolist(), gathered.mask().tolist(), strict=True):
            assert row.tokens + [rows.pad] * row.padding == tokens
            assert row.supervised + [False] * row.padding == [False, *mask]


def test_a_step_takes_the_rows_of_its_batch(tmp_path: Path) -> None:
    fill(tmp_path)
    spec, plan, found = open_golden("two_styles", tmp_path)
    (phase,) = plan.phases
    (stage,) = phase.stages
    steps = {"first_step_of_stage": stage.first_step, "start_step": stage.first_step, "end_step": stage.last_step + 1}
    batch = BatchSpec(spec.training.batch_size, spec.architecture.block_size)
    with train_batches(found.entries(stage), seed=spec.training.seed, batch=batch, **steps) as batches:
        for each in batches:
            taken = rows_of_step(found, plan, spec, each.step)
            assert (taken.step, taken.phase, taken.stage) == (each.step, "full", 1)
            shown = [row for name, rows, number in taken.rows for row in read_rows(name, "train", rows, [number])]
            assert [row.tokens + [PAD] * row.padding for row in sequences(shown)] == [
                [*tokens, target]
                for tokens, target in zip(each.tokens.tolist(), each.targets[:, -1].tolist(), strict=True)
            ]
            assert {
                name: [number for label, _, number in taken.rows if label == name] for name in each.rows
            } == each.rows


def test_every_token_of_a_store_is_in_a_row_or_counted_as_lost(opened: list[SourceRows]) -> None:
    for source in opened:
        for split, rows in source.rows.items():
            shown = list(read_rows(source.name, split, rows, range(len(rows))))
            shared = len(rows) - 1 if source.style == "PMD" else 0  # the last token of a row begins the next
            held = sum(len(row.tokens) for row in sequences(shown)) - shared
            assert held + rows.lost.tokens == source.store.meta.splits[split].tokens


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, HuggingFaceTokenizer]:
    where = tmp_path_factory.mktemp("tokenizers")
    return {kind: load_huggingface(str(folder(where / kind, made()))) for kind, made in KINDS.items()}


@given(text=st.text(st.sampled_from("the cat, ünï 日本 a_b\n")), flags=st.lists(st.booleans(), min_size=1))
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
def test_pieces_are_the_text_whatever_is_supervised(
    kind: str, text: str, flags: list[bool], tokenizers: dict[str, HuggingFaceTokenizer]
) -> None:
    tokenizer = tokenizers[kind]
    ids = [*tokenizer.encode(text).tolist(), tokenizer.end]
    supervised = [flags[place % len(flags)] for place in range(len(ids))]
    pieces = list(pieces_of(tokenizer, ids, supervised))
    assert "".join(piece.text for piece in pieces) == f"{tokenizer.decode(ids)}</s>"
    assert pieces[-1] == Piece("</s>", True, supervised[-1])
    assert [piece.special for piece in pieces] == [False] * (len(pieces) - 1) + [True]


@given(st.text(), st.lists(st.booleans(), min_size=1))
def test_a_letter_of_several_tokens_is_never_divided(text: str, flags: list[bool]) -> None:
    tokenizer = ByteTokenizer()
    ids = [*tokenizer.encode(text).tolist(), END]
    pieces = list(pieces_of(tokenizer, ids, [flags[place % len(flags)] for place in range(len(ids))]))
    assert "".join(piece.text for piece in pieces) == f"{text}<|endoftext|>"


@given(st.dictionaries(st.integers(1, 3000), st.integers(1, 9), min_size=1, max_size=20))
def test_every_document_is_in_one_bin(lengths: dict[int, int]) -> None:
    bins = histogram(lengths)
    assert len(bins) <= 12
    counted = Counter(
        {each: sum(number for length, number in lengths.items() if each.first <= length <= each.last) for each in bins}
    )
    assert {each: each.documents for each in bins} == counted
    assert sum(each.documents for each in bins) == sum(lengths.values())
    assert all(before.last + 1 == after.first for before, after in pairwise(bins))
    assert bins[0].documents
    assert bins[-1].documents
