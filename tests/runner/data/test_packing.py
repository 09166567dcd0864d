"""PACKED: no example is split, lost or doubled, rows are full, and every token is trained on as in PADDED rows."""

from __future__ import annotations

import errno
import json
import random
from itertools import chain
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.data import packing
from runner.data.packing import pack
from runner.data.planned import known_store
from runner.data.ready import keep_packings
from runner.data.stores.display import Silent
from runner.data.stores.meta import stored_documents
from runner.data.stores.packings import Packings
from runner.data.stores.prepare import prepare_store
from runner.data.styles import Gathered, packed, padded
from runner.data.tokenizers.byte import ByteTokenizer
from runner.failure import Failure
from schema.check.findings import Unavailable
from schema.spec import Spec
from tests.runner.data.record_files import data_of
from tests.runner.data.test_data_styles import EXAMPLES, PAD, Examples, Split

ALL = np.arange(1000)
LENGTHS = st.lists(st.integers(1, 24), max_size=60)


@given(LENGTHS, st.integers(1, 20), st.booleans(), st.integers(1, 60))
def test_each_example_is_in_one_row_and_rows_stay_in_their_window(
    lengths: list[int], width: int, drop: bool, window: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(packing, "WINDOW", window)
        windows = list(pack(iter(lengths), width, drop=drop))
    rows = [row for found in windows for row in found]
    kept = [number for number, length in enumerate(lengths) if not drop or length <= width]
    assert sorted(chain.from_iterable(rows)) == kept
    assert all(sum(min(lengths[example], width) for example in row) <= width for row in rows)
    for number, found in enumerate(windows):
        assert {example // window for row in found for example in row} <= {number}
        assert found == sorted(sorted(row) for row in found)  # by the order of the store, whatever is placed first
        # Two rows that are at most half full would be one.
        assert sum(2 * sum(min(lengths[example], width) for example in row) <= width for row in found) <= 1


def test_rows_of_a_usual_set_are_full() -> None:
    drawn = random.Random(7)
    lengths = [max(2, int(drawn.lognormvariate(4, 0.8))) for _ in range(20_000)]
    rows = sum(map(len, pack(lengths, 513, drop=False)))
    assert sum(min(length, 513) for length in lengths) > 0.99 * rows * 513
    # The same for ever: a run that resumes reads the rows that it began with.
    assert list(pack([5, 3, 4, 4, 2, 6, 1], 8, drop=False)) == [[[0, 1], [2, 3], [4, 5], [6]]]


@given(EXAMPLES, st.integers(1, 9), st.sampled_from(["truncate", "drop"]))
def test_packed_rows_train_on_what_padded_rows_do(examples: Examples, block_size: int, on_too_long: str) -> None:
    split = Split(examples)
    try:
        alone = padded.open_rows(split, block_size, on_too_long)
    except Failure as refused:
        with pytest.raises(Failure) as caught:
            packed.open_rows(split, block_size, on_too_long)
        assert str(caught.value) == str(refused)
        return
    rows = packed.open_rows(split, block_size, on_too_long)
    assert (rows.lost, rows.remarks) == (alone.lost, alone.remarks)
    assert packed.count_rows(split, block_size, on_too_long) == len(rows)
    found, single = (each.gather(np.arange(len(each))) for each in (rows, alone))
    assert sorted(lessons(found)) == sorted(lessons(single))
    order = np.array(random.Random(len(rows)).sample(range(len(rows)), len(rows)))
    for array, shuffled in zip(found, rows.gather(order), strict=True):
        np.testing.assert_array_equal(array[order], shuffled)


def lessons(rows: Gathered) -> list[tuple[tuple[int, ...], tuple[bool, ...]]]:
    """Each example of some rows, with where its targets are supervised; padding must be neither."""
    mask, found = rows.mask(), []
    for place, filled in enumerate(rows.filled.tolist()):
        segments = np.zeros(len(rows.tokens[place]), np.int32) if rows.segments is None else rows.segments[place]
        assert (rows.tokens[place, filled:] == PAD).all()
        assert not {*segments[:filled].tolist()} & {*segments[filled:].tolist()} or rows.segments is None
        for segment in range(segments[:filled].max() + 1):
            own = np.flatnonzero(segments[:filled] == segment)
            if rows.positions is not None:
                assert rows.positions[place, own].tolist() == [*range(len(own))]
            # The target of column i is column i + 1, which must be of the example for the loss to count.
            supervised = [bool(mask[place, column]) for column in own[:-1]]
            found.append((tuple(rows.tokens[place, own].tolist()), tuple(supervised)))
            assert own[-1] >= mask.shape[1] or not mask[place, own[-1]]
        assert not mask[place, filled:].any()
    return found


def test_a_kept_packing_is_found_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    packings, lengths = Packings(tmp_path, "train", "ab" * 32), [5, 3, 4, 4, 2, 6, 9]
    assert packings.find(8, False) is None
    packings.keep(lengths, 8, False)
    packings.keep(lengths, 8, True)
    packings.keep(lengths, 12, False)  # another block_size has another one
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "train.packed-11.bin", "train.packed-7-drop.bin", "train.packed-7.bin"
    ]  # fmt: skip
    kept = packings.find(8, False)
    assert kept is not None
    assert (kept.rows, kept.examples) == (4, 7)
    starts, examples = kept.arrays() or pytest.fail("it was written this moment")
    assert (starts.tolist(), examples.tolist()) == ([0, 2, 4, 6, 7], [0, 1, 2, 3, 4, 5, 6])
    assert Packings(tmp_path, "train", "cd" * 32).find(8, False) is None  # of other documents
    content = bytearray(kept.path.read_bytes())
    content[-8] ^= 1
    kept.path.write_bytes(content)
    assert kept.arrays() is None
    kept.path.write_bytes(content[:-8])
    assert packings.find(8, False) is None


def test_a_store_gets_a_packing_for_each_block_size_and_the_plan_counts_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sums.jsonl"
    records = [{"prompt": f"{number} + 1 = ", "completion": str(number + 1)} for number in range(0, 9000, 30)]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    data = data_of(path)
    store = prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=Silent())
    before = (store.folder / "train.tokens.bin").stat().st_ino
    documents, split = stored_documents(data.root, store.meta, "train"), store.splits["train"]
    assert documents is not None
    rows, counted = {}, {}
    for block_size in (31, 63):
        counted[block_size] = packed.count_rows(documents, block_size, "truncate")  # by packing them
        rows[block_size] = packed.open_rows(split, block_size, "truncate")
        spec = Spec.model_validate({"architecture": {"block_size": block_size}})
        keep_packings(store, spec, Silent())
        assert documents.packing(block_size + 1, False) is not None
        kept = packed.open_rows(split, block_size, "truncate")
        assert packed.count_rows(documents, block_size, "truncate") == counted[block_size] == len(kept)
        for array, again in zip(rows[block_size].gather(ALL[: len(kept)]), kept.gather(ALL[: len(kept)]), strict=True):
            np.testing.assert_array_equal(array, again)
    assert counted[31] > counted[63]
    assert (store.folder / "train.tokens.bin").stat().st_ino == before  # nobody made tokens again
    (store.folder / "train.packed-31.bin").unlink()
    facts = known_store(data.root, store.meta).splits["train"]
    assert facts.rows("PACKED", 47, "truncate") == packed.count_rows(documents, 47, "truncate")
    documents.offsets_file.rename(tmp_path / "offsets")
    assert facts.rows("PACKED", 47, "truncate") == packed.count_rows(split, 47, "truncate")  # it was counted once
    with pytest.raises(Unavailable) as refused:  # which the plan says, where a run would refuse it too
        facts.rows("PACKED", 49, "truncate")
    assert "stores/x' cannot be read: [Errno 2]" in str(refused.value.__cause__)
    (tmp_path / "offsets").rename(documents.offsets_file)
    monkeypatch.setattr(Packings, "keep", Mock(side_effect=OSError(errno.EROFS, "the disk can't be written")))
    keep_packings(store, Spec.model_validate({"architecture": {"block_size": 31}}), Silent())
    assert len(packed.open_rows(split, 31, "truncate")) == counted[31]
