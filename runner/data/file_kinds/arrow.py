""".arrow files, as Arrow's IPC writes them: files with a footer, and streams, which `datasets` writes.

The file is mapped, so that batches of any size take no memory until their rows become records.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.data.file_kinds.rows import Row, Wish, printable
from runner.data.file_kinds.table import SAMPLED, records_of, sample_of
from runner.failure import ExitCode, Failure

MAGIC = b"ARROW1"  # at the beginning of a file with a footer


def read(path: Path, packing: str, wish: Wish) -> Iterator[Row]:
    """Read the records of a file. Raises Failure INVALID with file and row, OSError."""
    import pyarrow

    del packing
    where, number, size = printable(path), 0, path.stat().st_size
    with path.open("rb") as file:
        is_file = file.read(len(MAGIC)) == MAGIC
    try:
        with pyarrow.memory_map(str(path)) as mapped:
            reader = pyarrow.ipc.open_file(mapped) if is_file else pyarrow.ipc.open_stream(mapped)
            names = reader.schema.names
            wanted = [*wish.columns.wanted(sample_of(reader.schema), where)]
            repeated = [field for field in wanted if names.count(field) > 1]
            if repeated:
                raise Failure(f"{where}: two columns are called '{repeated[0]}'; rename one", ExitCode.INVALID)
            is_sampled = len(names) == len(wanted)
            for batch, done in _batches(reader, mapped, size, is_file=is_file):
                if not is_sampled:
                    wish.columns.note(_some(batch))
                    is_sampled = True
                for record, is_long in records_of(batch.select(wanted), wish):
                    number += 1
                    yield Row(record, f"{where}, row {number}", done, is_long)
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        behind = f" behind row {number}" if number else ""
        raise Failure(f"{where}: not a readable arrow file{behind}: {reason}", ExitCode.INVALID) from error


def _batches(reader: Any, mapped: Any, size: int, *, is_file: bool) -> Iterator[tuple[Any, int]]:
    """Yield the batches of a file, and how many bytes of it have been read behind each."""
    if not is_file:
        for batch in reader:
            yield batch, min(size, mapped.tell())
        return
    total = reader.num_record_batches
    for index in range(total):
        yield reader.get_batch(index), size * (index + 1) // total


def _some(batch: Any) -> list[dict[str, Any]]:
    """Some rows of a batch, few where they are large."""
    rows = batch.slice(0, SAMPLED)
    few = rows.slice(0, max(1, SAMPLED * 2**20 // max(1, rows.nbytes))) if rows.nbytes > 2**20 else rows
    found: list[dict[str, Any]] = few.to_pylist()
    return found
