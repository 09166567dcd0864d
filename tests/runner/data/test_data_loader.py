"""Mixture and loader: exact shares, permuted epochs, batches that are a function of (seed, stage, step)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data import loader
from runner.data.batch import BatchSpec
from runner.data.ledger import Ledger
from runner.data.loader import BATCHES_AHEAD, Batch, Batches, train_batches, validation_batches
from runner.data.mixture import MixtureEntry, draw
from runner.data.styles import Gathered
from runner.failure import ExitCode, Failure

PAD = 257


@dataclass
class Numbered:
    """Rows that hold their own index: tokens (index, …); only the last token is supervised."""

    rows: int
    dataset: str = "x"
    block_size: int = 3
    pad: int = PAD
    sides: int = 1
    remarks: tuple[str, ...] = ()
    base: int = 0
    broken: frozenset[int] = field(default_factory=frozenset)

    def __len__(self) -> int:
        return self.rows

    def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
        assert ((indices >= 0) & (indices < self.rows)).all()
        if self.broken & set(indices.tolist()):
            raise ZeroDivisionError("row is broken")
        tokens = np.repeat((indices + self.base)[:, None], self.block_size + 1, axis=1).astype(np.int32)
        supervised = np.zeros(tokens.shape, np.bool_)
        supervised[:, -1] = True
        return Gathered(tokens, supervised, np.full(len(tokens), self.block_size, np.int64))


def entries(*shares: str, rows: int = 40) -> list[MixtureEntry]:
    return [
        MixtureEntry(f"d{i}", Numbered(rows + i, f"d{i}", base=1000 * i), Fraction(share))
        for i, share in enumerate(shares)
    ]


def read(mixture: list[MixtureEntry], start: int, end: int, *, first: int = 0, seed: int = 7) -> list[Batch]:
    with train_batches(
        mixture, seed=seed, batch=BatchSpec(8, 3), first_step_of_stage=first, start_step=start, end_step=end
    ) as batches:
        return list(batches)


def row_ids(batches: list[Batch]) -> list[int]:
    return [int(row) for batch in batches for row in batch.tokens[:, 0]]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=4), st.integers(0, 10**12))
@settings(max_examples=25)
def test_shares_are_exact_over_any_prefix_and_window(weights: list[int], start: int) -> None:
    total = sum(weights)
    parts = [MixtureEntry(str(i), Numbered(10), Fraction(weight, total)) for i, weight in enumerate(weights)]
    drawn = draw(parts, 0, start, 100)
    assert sorted(place for each in drawn for place in each.places.tolist()) == list(range(100))
    for rows in range(1, 101):
        counts = np.array([np.count_nonzero(each.places < rows) for each in drawn])
        expected = np.array([float(part.share) * rows for part in parts])
        assert (np.abs(counts - expected) <= 1 + len(parts)).all()
        if start == 0:
            assert (np.abs(counts - expected) <= (1 + len(parts)) / 2 + 1e-9).all()


def test_one_row_in_ten_is_one_in_ten() -> None:
    batches = read(entries("0.9", "0.1"), 0, 50)
    assert sum(batch.ledger["d1"].rows for batch in batches) == 40
    assert sum(batch.ledger["d0"].rows for batch in batches) == 360


def test_a_stage_continues_where_earlier_stages_stopped() -> None:
    rows = Numbered(64)
    whole = row_ids(read([MixtureEntry("x", rows, Fraction(1))], 0, 8))
    first = row_ids(read([MixtureEntry("x", rows, Fraction(1))], 0, 3))
    second = row_ids(read([MixtureEntry("x", rows, Fraction(1), first_row=24)], 3, 8, first=3))
    assert first + second == whole
    assert sorted(whole) == list(range(64))


def test_batches_are_the_same_wherever_reading_starts() -> None:
    mixture = entries("0.5", "0.3", "0.2")
    whole = {batch.step: batch for batch in read(mixture, 100, 130, first=100)}
    assert list(whole) == list(range(100, 130))
    for start in (101, 117, 129):
        for batch in read(mixture, start, 130, first=100):
            assert batch.digest == whole[batch.step].digest
            assert (batch.tokens == whole[batch.step].tokens).all()
            assert batch.ledger == whole[batch.step].ledger
    assert len({batch.digest for batch in whole.values()}) == 30


def test_starting_at_a_huge_step_is_immediate() -> None:
    batch = read(entries("0.75", "0.25"), 10**15, 10**15 + 1)[0]
    assert batch.step == 10**15
    assert batch.ledger["d0"].rows == 6


def test_another_seed_is_another_order() -> None:
    assert row_ids(read(entries("1"), 0, 4, seed=1)) != row_ids(read(entries("1"), 0, 4, seed=2))


def test_a_batch_shifts_targets_by_one_and_counts() -> None:
    class Counting(Numbered):
        def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
            part = super().gather(indices)
            return part._replace(tokens=part.tokens + np.arange(4, dtype=np.int32))

    batch = read([MixtureEntry("x", Counting(40), Fraction(1))], 0, 1)[0]
    assert batch.tokens.shape == batch.targets.shape == batch.mask.shape == (8, 3)
    assert (batch.tokens.dtype, batch.targets.dtype, batch.mask.dtype) == (np.int32, np.int32, np.float32)
    assert (batch.targets == batch.tokens + 1).all()
    assert batch.mask.tolist() == [[0, 0, 1]] * 8
    assert batch.ledger == {"x": Ledger(8, 24, 8, 0)}
    assert len(batch.digest) == 32


def test_a_digest_tells_apart_other_rows_other_places_and_other_content() -> None:
    one, other = MixtureEntry("a", Numbered(8), Fraction(1, 2), content="1"), Numbered(8, base=8)
    mixtures = [
        [one, MixtureEntry("b", other, Fraction(1, 2), content="2")],
        [one, MixtureEntry("c", other, Fraction(1, 2), content="2")],  # another order of rows
        [one, MixtureEntry("b", other, Fraction(1, 2), content="3")],
        [one, MixtureEntry("b", other, Fraction(1, 2), 8, content="2")],
        [MixtureEntry("b", other, Fraction(1, 2), content="2"), one],
    ]
    digests = [read(mixture, 0, 1)[0].digest for mixture in mixtures]
    assert len(set(digests)) == len(mixtures)
    assert digests[0] == read(mixtures[0], 0, 3)[0].digest


def test_steps_drawn_at_once_are_those_drawn_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    mixture = entries("0.6", "0.25", "0.15")
    whole = read(mixture, 4, 40, first=4)
    monkeypatch.setattr(loader, "ROWS_DRAWN", 1)
    for batch, alone in zip(whole, read(mixture, 4, 40, first=4), strict=True):
        assert (batch.tokens == alone.tokens).all()
        assert (batch.digest, batch.rows) == (alone.digest, alone.rows)


def test_reading_no_steps_gives_no_batches() -> None:
    assert read(entries("1"), 5, 5) == []


def test_steps_outside_the_stage_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="do not lie in a stage"):
        read(entries("1"), 0, 5, first=1)
    with pytest.raises(ValueError, match="the block size and the sides of the batch"):
        read([*entries("0.5"), MixtureEntry("y", Numbered(5, block_size=9), Fraction(1, 2))], 0, 1)


def test_a_dataset_without_rows_is_refused() -> None:
    with pytest.raises(Failure, match="dataset 'd0' has 0 rows") as caught:
        read(entries("1", rows=0), 0, 1)
    assert caught.value.exit_code is ExitCode.INVALID


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "prefetch" in thread.name]


def end_of_readers() -> None:
    """Wait for the threads, which end with the batch that they are reading."""
    for thread in readers():
        thread.join(10)
    assert readers() == []


def open_batches(mixture: list[MixtureEntry]) -> Batches:
    return train_batches(mixture, seed=0, batch=BatchSpec(8, 3), first_step_of_stage=0, start_step=0, end_step=1000)


@dataclass
class Counted(Numbered):
    """Rows that note which of them were read."""

    seen: list[int] = field(default_factory=list)

    def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
        self.seen += indices.tolist()
        return super().gather(indices)


def test_a_late_start_reads_no_earlier_row() -> None:
    rows = Counted(10**6)
    batches = read([MixtureEntry("d", rows, Fraction(1))], 10**6, 10**6 + 3)
    assert [batch.step for batch in batches] == [10**6, 10**6 + 1, 10**6 + 2]
    listed = [row for batch in batches for row in batch.rows["d"]]
    assert sorted(rows.seen) == sorted(listed)  # threads read ahead, each row once
    assert len(listed) == 3 * 8


def test_batches_are_read_ahead_in_order_and_no_further() -> None:
    rows = Counted(10**6)
    with open_batches([MixtureEntry("d", rows, Fraction(1))]) as batches:
        assert [next(batches).step for _ in range(3)] == [0, 1, 2]
    assert len(rows.seen) <= 8 * (3 + BATCHES_AHEAD)


def test_a_batch_lists_its_rows() -> None:
    for batch in read(entries("1/2", "1/2"), 0, 4):
        own = {name: sorted(numbers) for name, numbers in batch.rows.items()}
        for number in (0, 1):
            values = batch.tokens[:, 0]
            assert own[f"d{number}"] == sorted(values[values // 1000 == number] - 1000 * number)


def test_errors_in_reading_surface_as_themselves_and_end_the_threads() -> None:
    broken = Numbered(1000, broken=frozenset(range(1000)))
    with open_batches([MixtureEntry("x", broken, Fraction(1))]) as batches:
        with pytest.raises(ZeroDivisionError, match="row is broken"):
            next(batches)
        end_of_readers()
        with pytest.raises(StopIteration):
            next(batches)


def test_closing_early_ends_the_threads() -> None:
    batches = open_batches(entries("1"))
    assert next(batches).step == 0
    assert readers() != []
    batches.close()
    batches.close()
    end_of_readers()


def test_validation_reads_the_first_rows_in_order_with_one_shape() -> None:
    rows = Numbered(10, "x")
    batches = list(validation_batches(rows, batch=BatchSpec(4, 3), rows_used=7))
    assert [batch.tokens[:, 0].tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, PAD]]
    assert [batch.mask.sum() for batch in batches] == [4, 3]
    assert batches[1].ledger == {"x": Ledger(3, 9, 3, 0)}
    assert len(list(validation_batches(rows, batch=BatchSpec(4, 3), rows_used=2048))) == 3
    assert list(validation_batches(replace(rows, rows=0), batch=BatchSpec(4, 3), rows_used=8)) == []


@pytest.mark.parametrize("batch_size", [1, 2, 3, 1000])
def test_a_batch_may_have_any_number_of_rows(batch_size: int) -> None:
    rows = entries("1")[0].rows
    batches = train_batches(
        [MixtureEntry("x", rows, Fraction(1))],
        seed=0,
        batch=BatchSpec(batch_size, 3),
        first_step_of_stage=0,
        start_step=0,
        end_step=2,
    )
    with batches:
        assert [len(batch.tokens) for batch in batches] == [batch_size] * 2
