"""CONTRASTIVE rows: both sides of each pair, cut alike, counted as the loader takes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.data.batch import train_batch
from runner.data.catalog import open_catalog
from runner.data.ledger import Ledger
from runner.data.loader import train_batches, validation_batches
from runner.data.stores.display import Silent
from runner.data.stores.meta import read_meta, stored_documents
from runner.data.stores.pairs import longest_sides, places_apart
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Split as StoredSplit
from runner.data.stores.store import Store
from runner.data.styles import PairLengths, contrastive
from runner.data.tokenizers.byte import ByteTokenizer
from runner.failure import ExitCode, Failure
from runner.plan.compile import compile_plan
from runner.report.data.totals import count_rows
from schema.budget.dataset_names import Key
from schema.sections.data import Data, Source
from schema.sections.tokenizer import Tokenizer
from tests.runner.data.conversation_files import chat_folder
from tests.runner.data.pairs.pair_files import PAIRS, pair_spec, pair_store, write_pairs

PAD, END = 257, 256
Triples = list[tuple[list[int], list[int], list[int]]]


@dataclass
class Split:
    """A split in memory: prompt, chosen and rejected of each pair."""

    triples: Triples
    dataset: str = "x"
    split: str = "train"
    pad: int = PAD

    def __post_init__(self) -> None:
        self.sides = [(prompt, [*answer, END]) for prompt, *answers in self.triples for answer in answers]
        whole = [prompt + answer for prompt, answer in self.sides]
        self.lengths = Counter(map(len, whole))
        self.tokens = np.array([token for document in whole for token in document], np.uint16)
        self.offsets = np.cumsum([0, *map(len, whole)]).astype(np.uint64)
        flags = [token for prompt, answer in self.sides for token in [0] * len(prompt) + [1] * len(answer)]
        self.supervised = np.flatnonzero(np.diff([0, *flags, 0])).astype(np.uint64)
        self.pairs = PairLengths(longest_sides(self.offsets), places_apart(self.tokens, self.offsets))

    def in_order(self) -> list[int]:
        return [len(prompt + answer) for prompt, answer in self.sides]


def ids(least: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 2), min_size=least, max_size=8)


TRIPLES = st.lists(st.tuples(ids(0), ids(1), ids(1)).filter(lambda each: each[1] != each[2]), min_size=1, max_size=8)


# One side is the beginning of the other, and fills a row.
@example([([], [0], [0, END]), ([], [1], [2])], 1, "truncate", Random(0))
@given(TRIPLES, st.integers(1, 12), st.sampled_from(["truncate", "drop"]), st.randoms())
def test_a_row_is_prompt_and_chosen_then_prompt_and_rejected(
    triples: Triples, block_size: int, on_too_long: str, random: Random
) -> None:
    split, width = Split(triples), block_size + 1
    whole = [[[*prompt, *answer, END] for answer in answers] for prompt, *answers in triples]
    if on_too_long == "drop":
        kept = [number for number, sides in enumerate(whole) if max(map(len, sides)) <= width]
    else:
        kept = [number for number, (one, other) in enumerate(whole) if one[:width] != other[:width]]
    assert contrastive.count_rows(split, block_size, on_too_long) == len(kept)
    if not kept:
        with pytest.raises(Failure):
            contrastive.open_rows(split, block_size, on_too_long)
        return
    rows = contrastive.open_rows(split, block_size, on_too_long)
    order = list(range(len(rows)))
    random.shuffle(order)
    found = rows.gather(np.array(order, np.int64))
    mask, sizes = found.mask(), rows.sizes(np.array(order, np.int64))
    assert (len(rows), found.tokens.shape) == (len(kept), (2 * len(kept), width))
    for place, index in enumerate(order):
        prompt = triples[kept[index]][0]
        for side, tokens in enumerate(whole[kept[index]]):
            row, held = 2 * place + side, min(len(tokens), width)
            assert found.tokens[row].tolist() == tokens[:width] + [PAD] * (width - held)
            assert np.flatnonzero(found.supervised[row]).tolist() == list(range(len(prompt), held))
            assert rows.documents(index)[side] == (2 * kept[index] + side, 0, len(tokens))
        both = slice(2 * place, 2 * place + 2)
        assert sizes.tokens[place] == np.minimum(found.filled[both], block_size).sum()
        assert sizes.supervised[place] == mask[both].sum()
    in_rows = sum(min(len(tokens), width) for number in kept for tokens in whole[number])
    assert rows.lost.tokens == len(split.tokens) - in_rows
    assert rows.lost.documents == len(triples) - len(kept)
    assert rows.lost.cut == sum(max(map(len, whole[number])) > width for number in kept)


def test_what_is_cut_and_left_out_is_said_with_numbers() -> None:
    split = Split([([1], [2], [3]), ([1, 1, 1, 1], [2], [3]), ([1], [2, 2, 2, 2, 2], [3])])
    assert contrastive.open_rows(split, 6, "error").remarks == ()
    finding = "x (train): 2 of 3 pairs have a side that is longer than block_size + 1 = 4 tokens and are"
    assert contrastive.open_rows(split, 3, "drop").remarks == (f"{finding} dropped",)
    assert contrastive.open_rows(split, 3, "truncate").remarks == (
        f"{finding} truncated",
        "x (train): 1 of them are the same on both sides once cut, and left out (pair 1)",
    )
    place = "dataset 'x', split train: 2 of 3 pairs have a side that is longer than block_size + 1 = 4 tokens"
    with pytest.raises(Failure) as caught:
        contrastive.open_rows(split, 3, "error")
    assert str(caught.value) == (
        f"{place}, the longest has 7; write architecture/block_size: 6 or data/on_too_long: truncate"
    )
    with pytest.raises(Failure, match="cut there both sides of every one are the same"):
        contrastive.open_rows(Split([([1, 1, 1, 1], [2], [3])]), 3, "truncate")


@settings(max_examples=6)
@given(st.lists(st.tuples(st.text(max_size=6), *[st.text(min_size=1, max_size=9)] * 2), max_size=6))
def test_a_store_gives_back_the_texts_of_its_pairs(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str, str]]
) -> None:
    usable = [("Why? ", "So.", "No."), *texts]
    usable = [each for each in usable if all(part.strip() for part in each[1:]) and each[1] != each[2]]
    records = [dict(zip(("prompt", "chosen", "rejected"), each, strict=True)) for each in usable]
    store = pair_store(tmp_path_factory.mktemp("pairs"), records)
    read = []
    for split in store.splits.values():
        rows = contrastive.open_rows(split, 256, "truncate")
        tokens, _, filled, *_ = rows.gather(np.arange(len(rows)))
        read += [bytes(row[: end - 1].tolist()).decode() for row, end in zip(tokens, filled, strict=True)]
    assert Counter(zip(read[::2], read[1::2], strict=True)) == Counter(
        (prompt + chosen, prompt + rejected) for prompt, chosen, rejected in usable
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pairs")


@pytest.fixture(scope="module")
def store(folder: Path) -> Store:
    return pair_store(folder)


def test_pairs_of_one_prompt_are_on_one_side_of_the_split(folder: Path, store: Store) -> None:
    assert sum(split.documents for split in store.meta.splits.values()) == 2 * len(PAIRS)
    train, val = (stored_documents(str(folder / "stores"), store.meta, split) for split in ("train", "val"))
    assert read_meta(str(folder / "stores"), "pairs") == store.meta
    assert train is not None
    assert val is not None
    for on_too_long, width in (("truncate", 20), ("truncate", 60), ("drop", 20)):
        counted = contrastive.count_rows(train, width, on_too_long)
        assert counted == len(contrastive.open_rows(store.splits["train"], width, on_too_long))
    again = [record | {"chosen": f"{record['chosen']}!"} for record in PAIRS]
    (folder / "both").mkdir()
    both = pair_store(folder / "both", PAIRS + again)
    found = {name: set(_prompts(split)) for name, split in both.splits.items()}
    assert not found["train"] & found["val"]


def _prompts(split: StoredSplit) -> list[str]:
    rows = contrastive.open_rows(split, 256, "truncate")
    tokens, supervised, *_ = rows.gather(np.arange(len(rows)))
    return [ByteTokenizer().decode(row[:first]) for row, first in zip(tokens, supervised.argmax(axis=1), strict=True)]


@pytest.mark.parametrize("records", [PAIRS[:1], PAIRS[:2], PAIRS[:3]])
def test_a_small_set_keeps_its_pairs_whole(tmp_path: Path, records: list[dict[str, str]]) -> None:
    store = pair_store(tmp_path, records)
    assert sum(split.documents for split in store.meta.splits.values()) == 2 * len(records)
    assert all(split.documents % 2 == 0 for split in store.meta.splits.values())


def test_a_batch_of_pairs_has_two_rows_for_each_and_the_ledger_counts_both(folder: Path, store: Store) -> None:
    spec = pair_spec(folder)
    plan = compile_plan(spec)
    catalog = open_catalog(spec, plan, Silent())
    batch, (rows,) = train_batch(spec, "full"), catalog.train.values()
    assert (batch.rows, batch.sides, batch.shape) == (24, 2, (48, 32))
    taken = Ledger()
    (stage,) = plan.phases[0].stages
    assert (stage.steps, stage.tokens_planned, plan.tokens) == (10, 10 * 24 * 2 * 32, 10 * 24 * 2 * 32)
    steps = range(stage.first_step, stage.last_step + 1)
    with train_batches(
        catalog.entries(stage), seed=0, batch=batch, first_step_of_stage=1, start_step=1, end_step=steps.stop
    ) as batches:
        for found in batches:
            assert {array.shape for array in found.arrays().values()} == {batch.shape}
            numbers = np.array(found.rows["pairs"], np.int64)
            assert found.tokens.tolist() == rows.gather(numbers).tokens[:, :-1].tolist()
            sizes = rows.sizes(numbers)
            seen = int(sizes.tokens.sum())
            padding = 24 * 2 * 32 - seen
            assert found.ledger["pairs"] == Ledger(24, seen, int(sizes.supervised.sum()), padding)
            taken += found.ledger["pairs"]
    assert taken.rows == sum(entry.rows for entry in stage.mixture)
    validated = sum(
        (each.ledger["pairs"] for each in validation_batches(catalog.validation["pairs"], batch=batch, rows_used=99)),
        Ledger(),
    )
    assert validated == count_rows(catalog.validation["pairs"]).taken


def test_a_store_is_read_in_the_style_that_it_is_of(folder: Path, store: Store) -> None:
    pairs, plain = pair_spec(folder), pair_spec(folder, dataset=[{"name": "pairs", "rate": 1.0, "style": "PADDED"}])
    for spec in (pairs, plain):
        object.__setattr__(spec.data, "sources", {})
    assert open_catalog(pairs, compile_plan(pairs), Silent()).digests() == {"pairs": store.digest}
    with pytest.raises(Failure, match="holds pairs of a chosen and a rejected answer, and style PADDED") as caught:
        open_catalog(plain, compile_plan(plain), Silent())
    assert caught.value.exit_code is ExitCode.INVALID
    texts = write_pairs(folder / "texts.jsonl", [{"text": "once upon a time"}] * 9)
    data = Data.model_validate({"root": str(folder / "stores"), "sources": {"texts": {"path": str(texts)}}})
    prepare_store("texts", "", data=data, tokenizer=ByteTokenizer(), progress=Silent())
    unpaired = pair_spec(folder, dataset=[{"name": "texts", "rate": 1.0, "style": "CONTRASTIVE"}])
    with pytest.raises(Failure, match="'texts' holds no pairs of a chosen and a rejected answer"):
        open_catalog(unpaired, compile_plan(unpaired), Silent())


def test_conversations_are_rendered_and_their_last_answers_supervised(tmp_path: Path) -> None:
    spec = pair_spec(tmp_path, dataset=[{"name": "talks", "rate": 1.0, "style": "CONTRASTIVE"}], validation=False)
    implicit = Source(path=str(Path(__file__).parent / "records" / "implicit.parquet"))
    object.__setattr__(spec.data, "sources", {"talks": implicit})
    object.__setattr__(spec, "tokenizer", Tokenizer(backend="huggingface", name=str(chat_folder(tmp_path / "smol"))))
    catalog = open_catalog(spec, compile_plan(spec), Silent())
    found = catalog.train[Key("talks", "", "CONTRASTIVE")].gather(np.array([0]))
    said = [
        catalog.tokenizer.decode(row[flags].tolist()) for row, flags in zip(found.tokens, found.supervised, strict=True)
    ]
    assert said in (["Blue.", "Green."], ["A cat.", "No."])
    assert catalog.stores["talks"].meta.chat
