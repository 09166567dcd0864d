"""Where documents begin in a file of token ids that another program wrote: by its index, or by end-of-text tokens.

Files are mapped and looked at a piece at a time, so that memory is bounded by 8 bytes a document.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from runner.data.megatron import read_header

TOKENS_AT_ONCE = 2**22

Ids = npt.NDArray[np.integer]
Offsets = npt.NDArray[np.uint64]


def pieces(ids: Ids) -> Iterator[tuple[int, Ids]]:
    """Yield the place of each piece of a mapped file, and the piece as an array in memory."""
    for first in range(0, len(ids), TOKENS_AT_ONCE):
        yield first, np.array(ids[first : first + TOKENS_AT_ONCE])


def text_documents(ids: Ids, end: int) -> Offsets:
    """Return where documents begin that end with this token, and the end of the last, (documents + 1,)."""
    found = [np.zeros(1, np.uint64)]
    found += [(np.flatnonzero(piece == end) + first + 1).astype(np.uint64) for first, piece in pieces(ids)]
    offsets = np.concatenate(found)
    return offsets if offsets[-1] == len(ids) else np.append(offsets, np.uint64(len(ids)))


def megatron_documents(index: Path, ids: Ids) -> Offsets:
    """Return where the documents of Megatron's index begin, and the end of the last, (documents + 1,).

    Empty ones are none. Raises OSError, and ValueError with a reason where the index is not that of these ids.
    """
    header = read_header(index)
    lengths = np.fromfile(index, "<i4", header.sequences, offset=header.lengths_at)
    pointers = np.fromfile(index, "<i8", header.sequences, offset=header.pointers_at)
    boundaries = np.fromfile(index, "<i8", header.boundaries, offset=header.boundaries_at)
    if (lengths < 0).any():
        raise ValueError("it has a sequence of negative length")
    ends = np.cumsum(lengths, dtype=np.int64)
    if pointers[0] != 0 or (pointers[1:] != ends[:-1] * ids.itemsize).any():
        raise ValueError("its sequences do not follow one another in the .bin")
    if ends[-1] != len(ids):
        raise ValueError(f"its sequences have {ends[-1]:,} tokens, and the .bin has {len(ids):,}")
    if boundaries[0] != 0 or boundaries[-1] != header.sequences or (np.diff(boundaries) < 0).any():
        raise ValueError("its documents are not all of its sequences in order")
    starts = np.concatenate([np.zeros(1, np.int64), ends])  # (sequences + 1,)
    return np.unique(starts[boundaries]).astype(np.uint64)
