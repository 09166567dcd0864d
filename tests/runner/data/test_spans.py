"""Supervised spans as one sorted array say of every token what a list of flags says."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runner.data.spans import count_inside, covers, first_inside, inside, mark_inside
from runner.data.stores.finish import divide_spans
from runner.data.stores.meta import split_file
from tests.runner.data.written_store import write_documents

FLAGS = st.lists(st.booleans(), min_size=1, max_size=30)


def spans_of(flags: list[bool]) -> np.ndarray:
    return np.flatnonzero(np.diff([0, *flags, 0])).astype(np.uint64)


def places(flags: list[bool]) -> np.ndarray:
    return np.arange(len(flags), dtype=np.uint64)


@given(FLAGS)
def test_a_place_is_inside_where_its_flag_is_set(flags: list[bool]) -> None:
    assert inside(spans_of(flags), places(flags)).tolist() == flags


@given(FLAGS, st.data())
def test_spans_are_divided_where_their_flags_are(flags: list[bool], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(flags)))
    with TemporaryDirectory() as folder:
        train, val = (split_file(Path(folder), split, "supervised") for split in ("train", "val"))
        spans_of(flags).tofile(train)
        divide_spans(Path(folder), spans_of(flags), cut)
        assert np.fromfile(train, np.uint64).tolist() == spans_of(flags[:cut]).tolist()
        assert np.fromfile(val, np.uint64).tolist() == spans_of(flags[cut:]).tolist()


@given(FLAGS, st.data())
def test_supervised_tokens_of_ranges_are_counted_and_marked(flags: list[bool], data: st.DataObject) -> None:
    place = st.integers(0, len(flags))
    ranges = data.draw(st.lists(st.tuples(place, place).map(sorted), max_size=5))
    starts, ends = np.array(ranges, np.uint64).reshape(-1, 2).T
    expected = [sum(flags[start:end]) for start, end in ranges]
    assert count_inside(spans_of(flags), starts, ends).tolist() == expected
    gap = data.draw(st.integers(0, 2))
    laid, line = [], [False] * gap
    for start, end in ranges:
        laid.append(len(line))
        line += flags[start:end] + [False] * gap
    marked = mark_inside(spans_of(flags), starts, ends, np.array(laid, np.int64), len(line))
    assert marked.tolist() == line


@given(FLAGS.filter(any), st.data())
def test_the_first_supervised_place_and_whole_ranges_are_found(flags: list[bool], data: st.DataObject) -> None:
    last = max(place for place, flag in enumerate(flags) if flag)
    start = data.draw(st.integers(0, last))
    assert first_inside(spans_of(flags), np.array([start], np.uint64)).tolist() == [flags.index(True, start)]
    end = data.draw(st.integers(start + 1, len(flags)))
    assert covers(spans_of(flags), start, end) == all(flags[start:end])


def test_a_store_joins_spans_that_touch(tmp_path: Path) -> None:
    ids = np.arange(4, dtype=np.int32)
    meta = write_documents(tmp_path, [(ids, [(0, 4)]), (ids, [(0, 1), (1, 2), (3, 4)]), (ids, [(2, 4)])])
    first = np.fromfile(split_file(tmp_path, "train", "supervised"), np.uint64)
    assert first.tolist() == [0, 6, 7, 8]
    assert (meta["train"].spans, meta["train"].supervised, meta["val"].supervised) == (2, 7, 2)
