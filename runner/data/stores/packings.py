"""The packings of a store: which examples share a row of PACKED, for one width of rows, kept beside the tokens.

A packing follows from the lengths of the documents, so one that is missing, damaged or of other documents is made
again, and another block_size adds one. Counting its rows loads no numpy.
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.data.packing import pack
from runner.files.atomic import sync

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# What it is, its number of rows and of examples, the sha256 of the offsets that it was made of and of all the rest.
HEAD = struct.Struct("<16sQQ32s32s")
UNSEALED = HEAD.size - 32  # bytes before its own digest
KIND = b"lorarun packing1"
NUMBER = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Packing:
    """A packing on disk: the number of its rows, and of the examples in them."""

    path: Path
    rows: int
    examples: int

    def arrays(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]] | None:
        """Map where each row begins in the list of examples, and its end, (rows + 1,), and that list, (examples,).

        None where the file is gone or its content isn't what was written.
        """
        import numpy as np  # here, because rows are counted without numpy

        try:
            mapped = np.memmap(self.path, np.uint8, mode="r")
        except (OSError, ValueError):
            return None
        head, body = mapped.data[: HEAD.size], mapped.data[HEAD.size :]
        if len(head) < HEAD.size or HEAD.unpack(head)[1:3] != (self.rows, self.examples):
            return None
        if _digest(head[:UNSEALED], body) != head[UNSEALED:]:
            return None
        numbers = mapped[HEAD.size :].view("<u8")
        return numbers[: self.rows + 1], numbers[self.rows + 1 :]


@dataclass(frozen=True, slots=True)
class Packings:
    """The packings of a split: they lie in the `folder` of its store, made of offsets of this sha256."""

    folder: Path
    split: str
    offsets_sha256: str

    def find(self, width: int, drop: bool) -> Packing | None:
        """Return the packing for rows of `width` tokens; None where there is none of these documents."""
        path = self._path(width, drop)
        try:
            with path.open("rb") as file:
                kind, rows, examples, offsets, _ = HEAD.unpack(file.read(HEAD.size))
                size = os.fstat(file.fileno()).st_size
        except (OSError, struct.error):
            return None
        is_whole = size == HEAD.size + NUMBER.size * (rows + 1 + examples)
        is_own = kind == KIND and offsets.hex() == self.offsets_sha256
        return Packing(path, rows, examples) if is_whole and is_own else None

    def keep(self, lengths: Iterable[int], width: int, drop: bool, advance: Callable[[int], object] = int) -> None:
        """Write the packing of these documents; `advance` is called with 1 for each window. Raises OSError."""
        starts, examples = _packed(lengths, width, drop, advance)
        head = struct.pack("<16sQQ32s", KIND, len(starts) - 1, len(examples), bytes.fromhex(self.offsets_sha256))
        body = _little(starts) + _little(examples)
        path = self._path(width, drop)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            with partial.open("wb") as file:
                file.writelines((head, _digest(head, body), body))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        sync(self.folder)

    def _path(self, width: int, drop: bool) -> Path:
        return self.folder / f"{self.split}.packed-{width - 1}{'-drop' if drop else ''}.bin"


def _packed(
    lengths: Iterable[int], width: int, drop: bool, advance: Callable[[int], object] = int
) -> tuple[array[int], array[int]]:
    """Pack documents: where each row begins in the list of examples, and its end, (rows + 1,); that list, (examples,).

    Numbers have 8 bytes; `advance` is called with 1 for each window of `pack`.
    """
    starts, examples = array("Q", [0]), array("Q")
    for window in pack(lengths, width, drop=drop):
        for row in window:
            examples.extend(row)
            starts.append(len(examples))
        advance(1)
    return starts, examples


def _little(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers = array("Q", numbers)
        numbers.byteswap()
    return numbers.tobytes()


def _digest(head: bytes | memoryview, body: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(head)
    digest.update(body)
    return digest.digest()
