"""The arrays of a batch: which there are follows from the styles, what they hold from the rows."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from runner.data.batch import BatchSpec, train_batch, validation_batch
from runner.data.loader import Batch, train_batches, validation_batches
from runner.data.mixture import MixtureEntry
from runner.data.styles import Gathered
from schema.spec import Spec


@dataclass
class Pairs:
    """Rows of two examples of two tokens and one of padding, all supervised; or of one segment of five tokens."""

    segmented: bool
    dataset: str = "x"
    block_size: int = 4
    pad: int = 9
    sides: int = 1
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return 8

    def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
        shape = (len(indices), 5)
        rows = Gathered(np.ones(shape, np.int32), np.ones(shape, np.bool_), np.full(len(indices), 5))
        if not self.segmented:
            return rows
        positions, segments = np.array([[0, 1, 0, 1, 0], [0, 0, 1, 1, 2]], np.int32)
        return rows._replace(positions=np.broadcast_to(positions, shape), segments=np.broadcast_to(segments, shape))


def first_batch(batch: BatchSpec, *rows: Pairs) -> Batch:
    entries = [MixtureEntry(str(i), each, Fraction(1, len(rows))) for i, each in enumerate(rows)]
    with train_batches(entries, seed=0, batch=batch, first_step_of_stage=0, start_step=0, end_step=1) as batches:
        return next(batches)


def test_a_batch_has_the_arrays_that_its_spec_declares() -> None:
    for spec in (BatchSpec(4, 4), BatchSpec(4, 4, segmented=True)):
        (validated, _) = validation_batches(Pairs(False), batch=spec, rows_used=8)
        for batch in (first_batch(spec, Pairs(False)), validated):
            found = {name: (str(array.dtype), array.shape) for name, array in batch.arrays().items()}
            assert found == {name: (dtype, spec.shape) for name, dtype in spec.dtypes.items()}


def test_rows_of_one_segment_have_trivial_positions_beside_segmented_ones() -> None:
    batch = first_batch(BatchSpec(4, 4, segmented=True), Pairs(True), Pairs(False))
    assert sorted(map(tuple, batch.arrays()["positions"].tolist())) == [(0, 1, 0, 1)] * 2 + [(0, 1, 2, 3)] * 2
    assert sorted(map(tuple, batch.arrays()["segments"].tolist())) == [(0, 0, 0, 0)] * 2 + [(0, 0, 1, 1)] * 2


def test_no_segment_is_asked_for_the_first_token_of_the_next() -> None:
    batch = first_batch(BatchSpec(4, 4, segmented=True), Pairs(True))
    assert batch.mask.tolist() == [[1, 0, 1, 0]] * 4
    assert batch.ledger["0"].tokens_supervised == 8


def test_segmented_rows_never_enter_a_batch_without_segments() -> None:
    with pytest.raises(ValueError, match="without positions and segments"):
        first_batch(BatchSpec(4, 4), Pairs(True))


@pytest.mark.parametrize(
    ("entry", "segmented"),
    [
        ({"style": "PADDED"}, False),
        ({"style": "PADDED", "document_mask": True}, False),
        ({"style": "PMD"}, False),
        ({"style": "PMD", "document_mask": True}, True),
        ({"style": "PACKED"}, True),
    ],
    ids=str,
)
def test_a_phase_pays_for_the_segments_of_its_own_entries_only(entry: dict[str, Any], segmented: bool) -> None:
    mixture = [[{"name": "x", "rate": 1.0, **entry}]]
    spec = Spec.model_validate({"training": {"batch_size": 8, "post_lora_dataset": mixture}})
    assert train_batch(spec, "full") == BatchSpec(8, 512)
    assert train_batch(spec, "lora") == BatchSpec(8, 512, segmented)
    assert validation_batch(spec, 4) == BatchSpec(4, 512, segmented)
