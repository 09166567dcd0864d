"""Styles: PMD predicts every token once; PADDED masks prompts and padding."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.data.styles import Lost, PairLengths, load_style, padded, pmd
from runner.failure import ExitCode, Failure
from schema.budget.dataset_names import key_of
from schema.sampling import DatasetStyle, Sampling

PAD = 257
Examples = list[tuple[list[int], list[int]]]


@dataclass
class Split:
    """A split in memory: (prompt, rest) of each document."""

    examples: Examples
    dataset: str = "x"
    split: str = "train"
    pad: int = PAD
    pairs: PairLengths | None = None

    def __post_init__(self) -> None:
        whole = [prompt + rest for prompt, rest in self.examples]
        self.lengths = Counter(map(len, whole))
        self.tokens = np.array([token for document in whole for token in document], np.uint16)
        self.offsets = np.cumsum([0, *map(len, whole)]).astype(np.uint64)
        flags = [token for prompt, rest in self.examples for token in [0] * len(prompt) + [1] * len(rest)]
        self.supervised = np.flatnonzero(np.diff([0, *flags, 0])).astype(np.uint64)

    def in_order(self) -> list[int]:
        return [len(prompt + rest) for prompt, rest in self.examples]

    def packing(self, width: int, drop: bool) -> None:
        """Nobody has noted which documents share a row."""


def ids(least: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 255), min_size=least, max_size=12)


EXAMPLES = st.lists(st.tuples(ids(0), ids(1)), min_size=1, max_size=12)
STYLES = st.sampled_from([("PMD", "truncate"), *product(("PADDED", "PACKED"), ("truncate", "drop"))])


@given(EXAMPLES, st.integers(1, 9))
def test_pmd_predicts_every_token_exactly_once(examples: Examples, block_size: int) -> None:
    split = Split(examples)
    if len(split.tokens) <= block_size:
        assert pmd.count_rows(split, block_size, "truncate") == 0
        return
    rows = pmd.open_rows(split, block_size, "truncate")
    tokens, supervised, filled, *_ = rows.gather(np.arange(len(rows)))
    assert tokens.shape == (pmd.count_rows(split, block_size, "truncate"), block_size + 1)
    targets = tokens[:, 1:].reshape(-1).tolist()
    assert targets == split.tokens[1 : 1 + len(targets)].tolist()
    left_out = len(split.tokens) - 1 - len(targets)
    assert left_out < block_size
    assert rows.remarks == ((f"x (train): the last {left_out} tokens fill no row",) if left_out else ())
    assert supervised is None
    assert set(filled) == {block_size + 1}


@given(EXAMPLES, st.integers(1, 9), st.randoms())
def test_a_document_mask_makes_each_document_a_segment(examples: Examples, block_size: int, random: object) -> None:
    split = Split(examples)
    if not pmd.count_rows(split, block_size, "truncate"):
        return
    plain, rows = (pmd.open_rows(split, block_size, "truncate", masked) for masked in (False, True))
    order = np.array(random.sample(range(len(rows)), len(rows)), np.int64)
    found = rows.gather(order)
    np.testing.assert_array_equal(found.tokens, plain.gather(order).tokens)
    for place, index in enumerate(order.tolist()):
        parts = [part for part in rows.documents(index) if part.column <= block_size]
        expected = [
            (number, column - max(0, part.column))
            for number, part in enumerate(parts)
            for column in range(max(0, part.column), min(part.column + part.length, block_size + 1))
        ]
        assert list(zip(found.segments[place].tolist(), found.positions[place].tolist(), strict=True)) == expected
        # Every target is trained on but first tokens, which are of another document than what would predict them.
        firsts = [part.column for part in parts if part.column > 0]
        assert np.flatnonzero(~found.mask()[place]).tolist() == [column - 1 for column in firsts]
        assert [size.tolist() for size in rows.sizes(order[[place]])] == [[block_size], [block_size - len(firsts)]]


def test_pmd_refuses_a_split_without_a_row() -> None:
    with pytest.raises(Failure) as caught:
        pmd.open_rows(Split([([], [1, 2, 256])]), 3, "truncate")
    assert caught.value.exit_code is ExitCode.INVALID
    assert str(caught.value) == (
        "dataset 'x' has 3 tokens in split train, and one PMD row needs 4 (architecture/block_size + 1); "
        "add text or write a block_size of at most 2"
    )


@given(EXAMPLES, st.integers(1, 9), st.sampled_from(["truncate", "drop"]), st.randoms())
def test_padded_rows_are_examples_masked_and_filled(
    examples: Examples, block_size: int, on_too_long: str, random: object
) -> None:
    expected = [
        (prompt + rest, len(prompt))
        for prompt, rest in examples
        if on_too_long == "truncate" or len(prompt + rest) <= block_size + 1
    ]
    split = Split(examples)
    assert padded.count_rows(split, block_size, on_too_long) == len(expected)
    if not any(prompt <= block_size for _, prompt in expected):
        with pytest.raises(Failure):
            padded.open_rows(split, block_size, on_too_long)
        return
    rows = padded.open_rows(split, block_size, on_too_long)
    order = list(range(len(rows)))
    random.shuffle(order)
    assert len(rows) == len(expected)
    tokens, supervised, filled, *_ = rows.gather(np.array(order, np.int64))
    assert tokens.dtype == np.int32
    for row, index in enumerate(order):
        example, prompt = expected[index]
        kept = example[: block_size + 1]
        assert tokens[row].tolist() == kept + [PAD] * (block_size + 1 - len(kept))
        assert filled[row] == len(kept)
        assert np.flatnonzero(supervised[row]).tolist() == list(range(prompt, len(kept)))


@given(EXAMPLES, st.integers(1, 9), STYLES)
def test_a_row_is_made_of_its_documents(examples: Examples, block_size: int, kind: tuple[str, str]) -> None:
    style, on_too_long = kind
    split = Split(examples)
    try:
        rows = load_style(style).open_rows(split, block_size, on_too_long)
    except Failure:
        return
    whole = [prompt + rest for prompt, rest in examples]
    tokens, _, filled, *_ = rows.gather(np.arange(len(rows)))
    for index, row in enumerate(tokens.tolist()):
        parts = rows.documents(index)
        assert [part.length for part in parts] == [len(whole[part.document]) for part in parts]
        placed = {part.column + place: token for part in parts for place, token in enumerate(whole[part.document])}
        assert [placed[column] for column in range(filled[index])] == row[: filled[index]]
        assert all(-part.length < part.column < filled[index] for part in parts)


@given(EXAMPLES, st.integers(1, 9), STYLES, st.randoms())
def test_sizes_are_those_of_the_rows_that_are_gathered(
    examples: Examples, block_size: int, kind: tuple[str, str], random: object
) -> None:
    style, on_too_long = kind
    try:
        rows = load_style(style).open_rows(Split(examples), block_size, on_too_long)
    except Failure:
        return
    asked = np.array([random.randrange(len(rows)) for _ in range(random.randrange(6))], np.int64)
    tokens, supervised = rows.sizes(asked)
    gathered = rows.gather(asked)
    assert (tokens.dtype, supervised.dtype) == (np.int64, np.int64)
    assert tokens.tolist() == np.minimum(gathered.filled, block_size).tolist()
    assert supervised.tolist() == gathered.mask().sum(axis=1).tolist()


def test_padded_says_what_it_cuts() -> None:
    split = Split([([1], [2, 256]), ([1], [2, 3, 4, 256]), ([1, 2, 3, 4], [5, 256])])
    assert padded.open_rows(split, 5, "error").remarks == ()
    assert [padded.open_rows(split, *asked).lost for asked in ((5, "error"), (3, "drop"), (3, "truncate"))] == [
        Lost(), Lost(documents=2, tokens=11), Lost(cut=2, tokens=3)
    ]  # fmt: skip
    finding = "x (train): 2 of 3 examples are longer than block_size + 1 = 4 tokens and are"
    assert padded.open_rows(split, 3, "drop").remarks == (f"{finding} dropped",)
    assert padded.open_rows(split, 3, "truncate").remarks == (
        f"{finding} truncated",
        "x (train): 1 of them keep nothing that is supervised and teach nothing",
    )


def test_padded_refuses_what_is_too_long_when_asked_to() -> None:
    split = Split([([1], [2, 256]), ([1], [2, 3, 4, 256])])
    with pytest.raises(Failure) as caught:
        padded.open_rows(split, 3, "error")
    assert caught.value.exit_code is ExitCode.INVALID
    assert str(caught.value) == (
        "dataset 'x', split train: 1 of 2 examples are longer than block_size + 1 = 4 tokens, the longest has 5; "
        "write architecture/block_size: 4 or data/on_too_long: truncate"
    )
    padded.open_rows(split, 4, "error")


def test_padded_refuses_to_drop_or_blank_everything() -> None:
    with pytest.raises(Failure, match="2 of 2 examples"):
        padded.open_rows(Split([([], [1, 2, 256]), ([], [1, 256])]), 0, "drop")
    with pytest.raises(Failure, match="truncation cuts all that is supervised of every one"):
        padded.open_rows(Split([([1, 2, 3], [4, 256])]), 2, "truncate")


@pytest.mark.parametrize("style", DatasetStyle)
def test_a_style_is_found_by_its_name_and_has_the_segments_that_the_budget_counts_with(style: DatasetStyle) -> None:
    assert Path(str(inspect.getfile(load_style(style.value)))).stem == style.value.lower()  # type: ignore[arg-type]
    split = Split([([1], [2, 256]), ([1], [3, 256])], pairs=PairLengths({3: 1}, {1: 1}))
    for mask in (False, True):
        rows = load_style(style.value).open_rows(split, 4, "truncate", mask)
        entry = Sampling(name="x", rate=1.0, style=style, document_mask=mask)
        assert (rows.gather(np.zeros(1, np.int64)).segments is not None) == key_of(entry).is_segmented


def test_a_style_that_nobody_declared_is_refused() -> None:
    with pytest.raises(ValueError, match="BLOCKS"):
        load_style("BLOCKS")
