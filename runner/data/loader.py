"""Batches of token ids, read ahead in threads.

The batch of a step is a function of (seed, stage, step), so that a resumed run sees the batches of an
uninterrupted one. It deliberately knows no devices: a batch is numpy arrays on the host.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from threading import Lock
from types import TracebackType
from typing import Any

import grain
import numpy as np
import numpy.typing as npt

from runner.data.batch import BatchSpec
from runner.data.ledger import Ledger, taken_by
from runner.data.mixture import Drawn, MixtureEntry, check_rows, draw
from runner.data.styles import Gathered, Rows

THREADS = 2  # of the reader; a batch is the same whichever thread assembles it
BATCHES_AHEAD = 4
ROWS_DRAWN = 2**13  # at once: the order of rows costs some 200 array operations, whatever their number


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's rows in the arrays of its BatchSpec, each (b, t); positions and segments are None where it has none.

    Arrays may be views, or shared by batches: nobody writes to them. `step` is its step in the run; in validation, its
    number. `rows` are the numbers of its rows in each dataset's split, in order. `digest` is blake2b-16 over what
    decides the arrays: those numbers, their places in the batch and the content of each dataset. In validation both are
    empty.
    """

    tokens: npt.NDArray[np.int32]
    targets: npt.NDArray[np.int32]
    mask: npt.NDArray[np.float32]
    step: int
    digest: str
    ledger: Mapping[str, Ledger]
    rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    positions: npt.NDArray[np.int32] | None = None
    segments: npt.NDArray[np.int32] | None = None

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is copied to the devices: the arrays of the BatchSpec by name."""
        found = {"tokens": self.tokens, "targets": self.targets, "mask": self.mask}
        if self.positions is not None and self.segments is not None:
            found |= {"positions": self.positions, "segments": self.segments}
        return found


class Batches(Iterator[Batch]):
    """The batches of successive steps, read ahead by grain's threads; a context. Iterate in one thread."""

    def __init__(self, assemble: Callable[[int], Batch], steps: range) -> None:
        options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=BATCHES_AHEAD)
        batches = grain.MapDataset.range(steps.start, steps.stop).map(assemble)
        self._iterator = iter(batches.to_iter_dataset(options))
        self._closed = False

    def __next__(self) -> Batch:
        """Return the next batch. Closes at the end and on an error, which it raises."""
        if self._closed:
            raise StopIteration
        try:
            batch: Batch = next(self._iterator)
        except BaseException:  # the end as well: nothing is left to read ahead
            self.close()
            raise
        return batch

    def close(self) -> None:
        """Discard what was read ahead; each thread ends after the batch that it is reading."""
        self._closed = True
        self._iterator.close()

    def __enter__(self) -> Batches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def train_batches(
    entries: Sequence[MixtureEntry],
    *,
    seed: int,
    batch: BatchSpec,
    first_step_of_stage: int,
    start_step: int,
    end_step: int,
) -> Batches:
    """Return the batches of the steps `start_step <= step < end_step` of one stage.

    Step s of the run holds the b = batch.rows mixture rows of the stage from (s - first_step_of_stage) · b on.
    Starting late costs nothing. Raises Failure (INVALID) when an entry has no rows, and
    ValueError when the steps do not lie in the stage or the entries differ from the batch in block size or sides.
    """
    if not first_step_of_stage <= start_step <= end_step:
        raise ValueError(f"steps {start_step} … {end_step} do not lie in a stage that starts at {first_step_of_stage}")
    if {(entry.rows.block_size, entry.rows.sides) for entry in entries} != {(batch.block_size, batch.sides)}:
        raise ValueError("the rows of a mixture must all have the block size and the sides of the batch")
    check_rows(entries)

    draws = _Draws(entries, seed, batch.rows, end_step - first_step_of_stage)

    def assemble(step: int) -> Batch:
        return _assemble(entries, draws.of_step(step - first_step_of_stage), step, batch)

    return Batches(assemble, range(start_step, end_step))


class _Draws:
    """What each entry gives to a step of a stage; drawn for many steps at once, and kept while threads need it.

    Steps count from 0, to before `steps`.
    """

    def __init__(self, entries: Sequence[MixtureEntry], seed: int, rows: int, steps: int) -> None:
        self._at_once = max(1, ROWS_DRAWN // rows)
        self._lock = Lock()

        def window(number: int) -> list[list[Drawn]]:
            first = number * self._at_once
            these = min(self._at_once, steps - first)
            return _divided(draw(entries, seed, first * rows, these * rows), rows, these)

        self._window = lru_cache(maxsize=2)(window)  # threads are at most a few steps apart

    def of_step(self, step: int) -> list[Drawn]:
        """Return what each entry gives to a step."""
        number, place = divmod(step, self._at_once)
        with self._lock:  # else two threads would draw the same
            return self._window(number)[place]


def _divided(drawn: Sequence[Drawn], rows: int, steps: int) -> list[list[Drawn]]:
    """Divide a window of a stage into its steps of `rows` rows."""
    found: list[list[Drawn]] = [[] for _ in range(steps)]
    for own in drawn:
        bounds = np.searchsorted(own.places, np.arange(steps + 1) * rows).tolist()
        for step, (begin, end) in enumerate(itertools.pairwise(bounds)):
            places = own.places[begin:end] - step * rows
            found[step].append(Drawn(places, own.numbers[begin:end], own.first + begin))
    return found


def validation_batches(rows: Rows, *, batch: BatchSpec, rows_used: int) -> Iterator[Batch]:
    """Yield the first `rows_used` rows of a split (all, if it has fewer) in fixed order.

    The last batch is filled with masked padding, so that one compiled program fits every batch of a dataset. The ledger
    counts real rows only.
    """
    batch = replace(batch, sides=rows.sides)  # each dataset in its own shape
    last = min(rows_used, len(rows))
    for step, first in enumerate(range(0, last, batch.rows)):
        part = rows.gather(np.arange(first, min(first + batch.rows, last), dtype=np.int64))
        block = _joined([(np.arange(len(part.tokens) // batch.sides), part)], batch, rows.pad)
        yield _batch(block, step, {rows.dataset: taken_by(part, batch.sides)})


def _assemble(entries: Sequence[MixtureEntry], drawn: Sequence[Drawn], step: int, batch: BatchSpec) -> Batch:
    """Gather the rows that each entry gives to a step."""
    parts: list[tuple[npt.NDArray[np.int64], Gathered]] = []
    ledger: dict[str, Ledger] = {}
    rows: dict[str, list[int]] = {}
    digest = hashlib.blake2b(digest_size=16)
    for entry, own in zip(entries, drawn, strict=True):
        part = entry.rows.gather(own.numbers)
        parts.append((own.places, part))
        rows.setdefault(entry.name, []).extend(own.numbers.tolist())
        ledger[entry.name] = ledger.get(entry.name, Ledger()) + taken_by(part, batch.sides)
        digest.update(f"{entry.content} {len(own.numbers)}\n".encode())
        digest.update(np.concatenate([own.places, own.numbers], dtype="<i8").data)
    block = _joined(parts, batch, entries[0].rows.pad)
    return _batch(block, step, ledger, digest.hexdigest(), rows)


def _joined(parts: Sequence[tuple[npt.NDArray[np.int64], Gathered]], batch: BatchSpec, pad: int) -> Gathered:
    """Return the sequences of a batch: of each part the rows at its places, (m,), in order, and padding elsewhere.

    Raises ValueError for a part with segments in a batch that has none.
    """
    # Else examples would attend to each other.
    if not batch.segmented and any(part.segments is not None for _, part in parts):
        raise ValueError("a segmented style gave rows for a batch without positions and segments")
    _, first = parts[0]
    if len(first.tokens) == batch.shape[0] and batch.segmented == (first.segments is not None):
        return first  # one dataset gives all rows: nothing is copied
    block = _empty(batch, pad)
    for places, part in parts:  # datasets are read one by one and scattered to their places in the step
        _put(block, _sequences(places, batch.sides), part)
    return block


def _empty(batch: BatchSpec, pad: int) -> Gathered:
    """Return rows of padding, each one segment."""
    # t + 1 tokens a row: inputs are the first t, targets the last t.
    sequences, block_size = batch.shape
    shape = (sequences, block_size + 1)
    block = Gathered(np.full(shape, pad, np.int32), np.zeros(shape, np.bool_), np.zeros(sequences, np.int64))
    if not batch.segmented:
        return block
    positions = np.broadcast_to(np.arange(shape[1], dtype=np.int32), shape).copy()
    return block._replace(positions=positions, segments=np.zeros(shape, np.int32))


def _sequences(places: npt.NDArray[np.int64], sides: int) -> npt.NDArray[np.int64]:
    """The places in the arrays of rows at these places of a batch, (m,): (m · sides,)."""
    return places if sides == 1 else (sides * places[:, None] + np.arange(sides)).reshape(-1)


def _put(block: Gathered, places: npt.NDArray[np.int64], part: Gathered) -> None:
    assert block.supervised is not None
    block.tokens[places] = part.tokens
    block.supervised[places] = True if part.supervised is None else part.supervised
    block.filled[places] = part.filled
    if part.positions is not None and block.positions is not None:
        block.positions[places] = part.positions
    if part.segments is not None and block.segments is not None:
        block.segments[places] = part.segments


def _batch(
    block: Gathered,
    step: int,
    ledger: Mapping[str, Ledger],
    digest: str = "",
    rows: Mapping[str, Sequence[int]] | None = None,
) -> Batch:
    # (b, t + 1) → (b, t), as views: the target of position i is token i + 1.
    tokens, targets = block.tokens[:, :-1], block.tokens[:, 1:]
    mask = _every_target(*targets.shape) if block.all_supervised else block.mask().astype(np.float32)
    positions, segments = (None if array is None else array[:, :-1] for array in (block.positions, block.segments))
    return Batch(tokens, targets, mask, step, digest, ledger, rows or {}, positions, segments)


@lru_cache(maxsize=4)
def _every_target(rows: int, block_size: int) -> npt.NDArray[np.float32]:
    """The mask of a batch all of whose targets are supervised, the same array for all of them."""
    mask = np.ones((rows, block_size), np.float32)
    mask.flags.writeable = False
    return mask
