"""The `.idx` file of Megatron's indexed datasets, version 1: what its header says, and where its arrays lie.

Little-endian: 9 bytes of magic, the version (8), a code of the type of ids (1), the numbers of sequences and of
document boundaries (8 each); then the length of each sequence in tokens (4), the byte at which it begins (8), and the
number of the sequence at which each document begins and the last one ends (8).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

INDEX_SUFFIX = ".idx"
MAGIC = b"MMIDIDX\x00\x00"
HEADER = struct.Struct("<9sQBQQ")
# The codes of types that can be ids; the others are 2 (int8), 6 and 7 (floats).
TYPES = {1: ("uint8", "<u1"), 3: ("int16", "<i2"), 4: ("int32", "<i4"), 5: ("int64", "<i8"), 8: ("uint16", "<u2")}


@dataclass(frozen=True, slots=True)
class Header:
    """What the index says first: the type of ids, how many sequences there are, and how many document boundaries."""

    type_name: str
    dtype: str
    sequences: int
    boundaries: int

    @property
    def lengths_at(self) -> int:
        """The byte at which lengths, int32 (sequences,), begin."""
        return HEADER.size

    @property
    def pointers_at(self) -> int:
        """The byte at which places in the `.bin`, int64 (sequences,) in bytes, begin."""
        return self.lengths_at + 4 * self.sequences

    @property
    def boundaries_at(self) -> int:
        """The byte at which numbers of sequences, int64 (boundaries,), begin."""
        return self.pointers_at + 8 * self.sequences

    @property
    def end(self) -> int:
        """Bytes of the file."""
        return self.boundaries_at + 8 * self.boundaries


def read_header(path: Path) -> Header:
    """Read the header of an index. Raises OSError, and ValueError with a reason where it is another file."""
    with path.open("rb") as handle:
        found = handle.read(HEADER.size)
    if len(found) < HEADER.size:
        raise ValueError(f"it has {len(found)} bytes, and the header alone {HEADER.size}")
    magic, version, code, sequences, boundaries = HEADER.unpack(found)
    if magic != MAGIC:
        raise ValueError("it does not begin with MMIDIDX, as Megatron's index does")
    if version != 1:
        raise ValueError(f"it is of version {version}, and version 1 is read")
    if code not in TYPES:
        known = ", ".join(name for name, _ in TYPES.values())
        raise ValueError(f"its ids are of type {code}, which is none of {known}")
    header = Header(*TYPES[code], sequences, boundaries)
    size = path.stat().st_size
    if size == header.end + sequences:
        raise ValueError("it has a mode for each sequence, as multimodal datasets do, and only text is read")
    if size != header.end:
        raise ValueError(f"it has {size:,} bytes, and its header says {header.end:,}")
    if not sequences or boundaries < 2:
        raise ValueError("it holds no document")
    return header
