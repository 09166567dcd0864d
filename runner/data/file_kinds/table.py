"""Tables of columns, as pyarrow reads them: rows as records, a few at a time where their cells are large."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from sys import maxsize
from typing import Any

from runner.data.file_kinds.json_cells import decoder
from runner.data.file_kinds.rows import PART_BYTES, Wish

SAMPLED = 256  # rows of a table of which the columns that nothing is made of are looked at
BATCH_ROWS, BATCH_BYTES = 1024, 2**23  # that become records at a time


class _Alike(Sequence[Any]):
    """A list of any length whose elements are alike: what is known of a column of lists."""

    def __init__(self, element: Any) -> None:
        self._element = element

    def __getitem__(self, index: Any) -> Any:
        return self._element

    def __len__(self) -> int:
        return maxsize


@dataclass(frozen=True, slots=True)
class CellText:
    """Satisfies `LongText`: a text that lies in a column, in UTF-8."""

    buffer: Any  # pyarrow.Buffer

    @property
    def bytes(self) -> int:
        """How long it is."""
        return int(self.buffer.size)

    def parts(self) -> Iterator[str]:
        """Read it from its beginning; pyarrow has checked nothing. Raises ValueError for what is no UTF-8."""
        decoder, cells = getincrementaldecoder("utf-8")(), memoryview(self.buffer)
        for start in range(0, len(cells), PART_BYTES):
            end = min(start + PART_BYTES, len(cells))
            if part := decoder.decode(bytes(cells[start:end]), final=end == len(cells)):
                yield part


def sample_of(schema: Any) -> dict[str, Any]:
    """Return a record as the rows of a table are: empty texts where columns hold texts, None for numbers."""
    return {column.name: _sample(column.type) for column in schema}


def _sample(kind: Any) -> Any:
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return _sample(kind.value_type)
    if types.is_struct(kind):
        return {kind.field(index).name: _sample(kind.field(index).type) for index in range(kind.num_fields)}
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _Alike(_sample(kind.value_type))
    return "" if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) else None


def records_of(batch: Any, wish: Wish) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield the rows of a batch as records, without the nulls that fill values up, and whether they hold `CellText`."""
    if batch.num_rows > 1 and (batch.nbytes > BATCH_BYTES or batch.num_rows > BATCH_ROWS):
        half = batch.num_rows // 2
        yield from records_of(batch.slice(0, half), wish)
        yield from records_of(batch.slice(half), wish)
        return
    if batch.num_rows == 1 and batch.nbytes > BATCH_BYTES:
        names = batch.schema.names
        yield {name: _cell(batch.column(index)[0]) for index, name in enumerate(names)}, True
        return
    columns = [_values(batch.column(index), wish) for index in range(batch.num_columns)]
    for row in zip(*columns, strict=True):
        yield dict(zip(batch.schema.names, row, strict=True)), False


def _values(column: Any, wish: Wish) -> list[Any]:
    import pyarrow

    if wish.numbers_as_text and column.type in (pyarrow.float16(), pyarrow.float32()):
        column = column.cast(pyarrow.string())  # with as many digits as it has
    decode, values = decoder(column.type), column.to_pylist()
    return [_filled(value if decode is None else decode(value)) for value in values]


def _cell(scalar: Any) -> Any:
    """The value of one cell, a long text as it lies there."""
    if hasattr(scalar, "as_buffer") and _sample(scalar.type) == "" and scalar.is_valid:
        buffer = scalar.as_buffer()
        return CellText(buffer) if buffer.size > PART_BYTES else scalar.as_py()
    return _filled(scalar.as_py())


def _filled(value: Any) -> Any:
    """Leave out the nulls inside values: in a table, each call has the arguments of all calls, and so has each tool."""
    if isinstance(value, dict):
        return {name: _filled(inner) for name, inner in value.items() if inner is not None}
    return [_filled(inner) for inner in value] if isinstance(value, list) else value
