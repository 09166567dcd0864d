"""Batches of token ids, read ahead in threads.

The batch of a step is a function of (seed, stage, step), so that a resumed run sees the batches of an
uninterrupted one. It deliberately knows no devices: a batch is numpy arrays on the host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's rows in the arrays of its BatchSpec, each (b, t); positions and segments are None where it has none.

    `step` is its step in the run; in validation, its number. `digest` is blake2b-16 over the arrays. `rows` are the
    numbers of its rows in each dataset's split, in order; in validation it is empty.
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
    ValueError when the steps do not lie in the stage or the entries differ from the batch in block size.
    """
    if not first_step_of_stage <= start_step <= end_step:
        raise ValueError(f"steps {start_step} … {end_step} do not lie in a stage that starts at {first_step_of_stage}")
    if {entry.rows.block_size for entry in entries} != {batch.block_size}:
        raise ValueError("the rows of a mixture must all have the block size of the batch")
    check_rows(entries)

    def assemble(step: int) -> Batch:
        first = (step - first_step_of_stage) * batch.rows
        return _assemble(entries, draw(entries, seed, first, batch.rows), step, batch)

    return Batches(assemble, range(start_step, end_step))


def validation_batches(rows: Rows, *, batch: BatchSpec, rows_used: int) -> Iterator[Batch]:
    """Yield the first `rows_used` rows of a split (all, if it has fewer) in fixed order.

    The last batch is filled with masked padding, so that one compiled program fits every batch. The ledger counts
    real rows only.
    """
    last = min(rows_used, len(rows))
    for step, first in enumerate(range(0, last, batch.rows)):
        part = rows.gather(np.arange(first, min(first + batch.rows, last), dtype=np.int64))
        block = _empty(batch, rows.pad)
        _put(block, slice(0, len(part.tokens)), part)
        yield _batch(block, step, {rows.dataset: taken_by(part)})


def _assemble(entries: Sequence[MixtureEntry], drawn: Sequence[Drawn], step: int, batch: BatchSpec) -> Batch:
    """Gather the rows that each entry gives to a step."""
    block = _empty(batch, entries[0].rows.pad)
    ledger: dict[str, Ledger] = {}
    rows: dict[str, list[int]] = {}
    for entry, own in zip(entries, drawn, strict=True):
        part = entry.rows.gather(own.numbers)
        _put(block, own.places, part)  # datasets are read one by one and scattered to their places in the step
        rows.setdefault(entry.name, []).extend(own.numbers.tolist())
        ledger[entry.name] = ledger.get(entry.name, Ledger()) + taken_by(part)
    return _batch(block, step, ledger, rows)


def _empty(batch: BatchSpec, pad: int) -> Gathered:
    """Return rows of padding, each one segment."""
    # t + 1 tokens a row: inputs are the first t, targets the last t.
    shape = (batch.rows, batch.block_size + 1)
    block = Gathered(np.full(shape, pad, np.int32), np.zeros(shape, np.bool_), np.zeros(batch.rows, np.int64))
    if not batch.segmented:
        return block
    positions = np.broadcast_to(np.arange(shape[1], dtype=np.int32), shape).copy()
    return block._replace(positions=positions, segments=np.zeros(shape, np.int32))


def _put(block: Gathered, places: slice | npt.NDArray[np.int64], part: Gathered) -> None:
    block.tokens[places] = part.tokens
    block.supervised[places] = part.supervised
    block.filled[places] = part.filled
    if part.positions is None or part.segments is None:
        return
    if block.positions is None or block.segments is None:  # else examples would attend to each other
        raise ValueError("a segmented style gave rows for a batch without positions and segments")
    block.positions[places] = part.positions
    block.segments[places] = part.segments


def _batch(
    block: Gathered, step: int, ledger: Mapping[str, Ledger], rows: Mapping[str, Sequence[int]] | None = None
) -> Batch:
    # (b, t + 1) → (b, t): the target of position i is token i + 1. Contiguous, since the digest reads their memory.
    tokens = np.ascontiguousarray(block.tokens[:, :-1])
    targets = np.ascontiguousarray(block.tokens[:, 1:])
    mask = block.mask().astype(np.float32)
    layout = {
        name: np.ascontiguousarray(array[:, :-1])
        for name, array in (("positions", block.positions), ("segments", block.segments))
        if array is not None
    }
    digest = hashlib.blake2b(digest_size=16)
    for array in (tokens, targets, mask, *layout.values()):
        digest.update(array.data)
    return Batch(tokens, targets, mask, step, digest.hexdigest(), ledger, rows or {}, **layout)
