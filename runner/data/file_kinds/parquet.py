""".parquet files: the wanted columns, in batches of as many rows as take a few megabytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.data.file_kinds.rows import Row, Wish, printable
from runner.data.file_kinds.table import BATCH_BYTES, BATCH_ROWS, SAMPLED, records_of, sample_of
from runner.failure import ExitCode, Failure

BUFFER_BYTES = 2**20  # of each column; without a buffer, whole groups of rows are held, of gigabytes


def read(path: Path, packing: str, wish: Wish) -> Iterator[Row]:
    """Read the records of a file. Raises Failure INVALID with file and row, OSError."""
    # Reading a parquet file needs a library that takes 0.4 s to import.
    import pyarrow
    import pyarrow.parquet

    del packing  # its columns are packed
    where = printable(path)
    try:
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES) as table:
            rows, size = max(1, table.metadata.num_rows), path.stat().st_size
            sample = sample_of(table.schema_arrow)
            wanted = [*wish.columns.wanted(sample, where)]
            names = table.schema_arrow.names
            repeated = [field for field in wanted if names.count(field) > 1]
            if repeated:
                raise Failure(f"{where}: two columns are called '{repeated[0]}'; rename one", ExitCode.INVALID)
            if len(names) > len(wanted):  # the others are read of some rows, to say what they hold
                some = next(table.iter_batches(batch_size=min(SAMPLED, _batch_rows(table))), None)
                wish.columns.note(some.to_pylist() if some else ())
            number = 0
            for batch in table.iter_batches(batch_size=_batch_rows(table), columns=wanted):
                for record, is_long in records_of(batch, wish):
                    number += 1
                    yield Row(record, f"{where}, row {number}", size * number // rows, is_long)
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Failure(f"{where}: not a readable parquet file: {reason}", ExitCode.INVALID) from error


def _batch_rows(table: Any) -> int:
    """How many rows are read at a time, by what the largest of them take on average in their group."""
    metadata = table.metadata
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    largest = max((group.total_byte_size / max(1, group.num_rows) for group in groups), default=0)
    return int(min(BATCH_ROWS, max(1, BATCH_BYTES // max(1, largest))))
