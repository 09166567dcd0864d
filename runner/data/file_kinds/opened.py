"""Files as streams of bytes, unpacked where they are packed, with how much of the file has been read.

Nothing is unpacked as a whole. Packing that is damaged, cut off or of another kind is refused with file and place.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.data.file_kinds.rows import printable
from runner.failure import ExitCode, Failure

BUFFER_BYTES = 2**18
NAMES = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2"}
BEGINNINGS = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd", ".bz2": b"BZh"}


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file: `lines` are its bytes, unpacked; `raw` is the file as it lies on the disk."""

    path: Path
    lines: io.BufferedReader
    raw: io.BufferedReader
    unpacking: Unpacking | None

    def done(self) -> int:
        """Bytes of the file that have been read; of a packed one about so many, in proportion to what came of it."""
        if self.unpacking is None:
            return self.lines.tell()
        return self.raw.tell() * self.lines.tell() // max(1, self.unpacking.produced)


@contextmanager
def opened(path: Path, packing: str) -> Iterator[Opened]:
    """Open a file. Raises OSError; reading it raises Failure INVALID where its packing is damaged."""
    with ExitStack() as stack:
        raw = stack.enter_context(path.open("rb"))
        if not packing:
            yield Opened(path, raw, raw, None)
            return
        if not raw.peek(4).startswith(BEGINNINGS[packing]):
            name = NAMES[packing]
            raise Failure(
                f"{printable(path)}: this is no {name} file; pack it with {name}, or name it as what it is",
                ExitCode.INVALID,
            )
        unpacking = Unpacking(_unpacked(raw, packing, stack), path, NAMES[packing])
        yield Opened(path, stack.enter_context(io.BufferedReader(unpacking, BUFFER_BYTES)), raw, unpacking)


def _unpacked(raw: io.BufferedReader, packing: str, stack: ExitStack) -> Any:
    """A stream that unpacks another one."""
    if packing == ".gz":
        import gzip

        return stack.enter_context(gzip.GzipFile(fileobj=raw, mode="rb"))
    if packing == ".bz2":
        import bz2

        return stack.enter_context(bz2.BZ2File(raw))
    import pyarrow

    return stack.enter_context(pyarrow.CompressedInputStream(pyarrow.PythonFile(raw, mode="r"), "zstd"))


class Unpacking(io.RawIOBase):
    """Reads from a stream that unpacks; its errors become sentences. `produced` is how many bytes came out."""

    def __init__(self, stream: Any, path: Path, name: str) -> None:
        self._stream, self._path, self._name = stream, path, name
        self.produced = 0

    def readable(self) -> bool:
        """It is read, and nothing else."""
        return True

    def tell(self) -> int:
        """Bytes that came out."""
        return self.produced

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer. Raises Failure INVALID for damaged packing, OSError."""
        try:
            found = self._stream.read(len(buffer))
        except (EOFError, zlib.error, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise self._damaged(error) from error
        buffer[: len(found)] = found
        self.produced += len(found)
        return len(found)

    def _damaged(self, error: Exception) -> Failure:
        is_cut = isinstance(error, EOFError) or "truncated" in str(error).casefold()
        # Of what the last reading unpacked, up to a buffer, nothing came out.
        behind = f" behind the first {self.produced:,} bytes of its content" if self.produced else ""
        return Failure(
            f"{printable(self._path)}: the {self._name} file is {'cut off' if is_cut else 'damaged'}{behind}; fetch or "
            "pack it again",
            ExitCode.INVALID,
        )
