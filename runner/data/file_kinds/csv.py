""".csv and .tsv files: a header, and a record a row, as Python's csv module and spreadsheets write them.

Fields with separators, quotes or line breaks stand in double quotes, and quotes inside them are doubled.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from runner.data.file_kinds.opened import Opened, opened
from runner.data.file_kinds.rows import FIRST_LINE_BYTES, Row, Wish, not_utf8, printable
from runner.failure import ExitCode, Failure

SEPARATORS = {".csv": ",", ".tsv": "\t"}
NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
# A field that is longer, in characters of 4 bytes that the module holds, begins with a quote that nothing closes.
LONGEST_FIELD, LONGEST_LINE = 2**24, 2**25


class _Lines:
    """The lines of a file as text; `number` is that of the last one, from 1."""

    def __init__(self, file: Opened, longest: int) -> None:
        self._file, self._longest, self.number = file, longest, 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.lines.readline(self._longest):
            self.number += 1
            where = f"{printable(self._file.path)}:{self.number}"
            if len(line) == self._longest and not line.endswith(b"\n"):
                raise Failure(
                    f"{where}: a line of more than {self._longest:,} bytes; write texts of that length into a .jsonl "
                    "or a .txt file",
                    ExitCode.INVALID,
                )
            try:
                yield line.decode("utf-8-sig" if self.number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(where, error.object[error.start]) from error


def read(path: Path, packing: str, wish: Wish) -> Iterator[Row]:
    """Read the records of a file. Raises Failure INVALID with file and line, OSError."""
    separator = SEPARATORS[Path(path.name.removesuffix(packing)).suffix]
    csv.field_size_limit(LONGEST_FIELD)  # of the process; its default is 131,072
    with opened(path, packing) as file:
        lines = _Lines(file, LONGEST_LINE if wish.whole else FIRST_LINE_BYTES)
        rows = _rows(csv.reader(iter(lines), delimiter=separator, strict=True), lines, path)
        where, header = next(rows, ("", []))
        if not header:
            return
        _check_header(header, separator, where)
        wish.columns.wanted(dict.fromkeys(header, ""), where)
        for where, row in rows:
            if len(row) != len(header):
                raise Failure(
                    f"{where}: a row of {_fields(len(row))} where the header has {_fields(len(header))}; text that "
                    "holds a separator or a line break stands in double quotes",
                    ExitCode.INVALID,
                )
            yield Row(dict(zip(header, row, strict=True)), where, file.done())


def _rows(reader: Iterator[list[str]], lines: _Lines, path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each row with its file and first line; empty lines are no rows."""
    while True:
        where = f"{printable(path)}:{lines.number + 1}"
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Failure(f"{where}: not a row: {_reason(error)}", ExitCode.INVALID) from error
        if row:
            yield where, row


def _reason(error: csv.Error) -> str:
    """Say what the csv module found."""
    said = str(error)
    if "unexpected end of data" in said:
        return "a double quote begins a text here, and nothing ends it; double the quotes inside a text"
    if "field limit" in said:
        return f"a text of more than {LONGEST_FIELD:,} characters; a double quote that begins it may have no end"
    if "expected after" in said:
        return "text stands behind the double quote that ends another; double the quotes inside a text"
    return said.split(" - ", 1)[0]


def _check_header(header: list[str], separator: str, where: str) -> None:
    """Raise Failure INVALID for a header that another separator divides, and for columns of one name."""
    other = next((sign for sign in NAMES if sign != separator and sign in header[0]), None)
    if len(header) == 1 and other:
        kind = {",": "name it .csv", "\t": "name it .tsv"}.get(other, f"write it with {NAMES[separator]}")
        raise Failure(
            f"{where}: the header is one column, {header[0]!r}, and seems to be divided by {NAMES[other]}; {kind}",
            ExitCode.INVALID,
        )
    repeated = next((name for name in header if name and header.count(name) > 1), None)
    if repeated is not None:
        raise Failure(f"{where}: two columns are called {repeated!r}; rename one", ExitCode.INVALID)


def _fields(number: int) -> str:
    return f"{number} field{'' if number == 1 else 's'}"
