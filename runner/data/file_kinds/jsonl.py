""".jsonl files: a record a line. A line that is too long to be held is read where it lies (`long_line.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.data.file_kinds.json_record import parse_record, record_decoder
from runner.data.file_kinds.long_line import read_long_line, rest_of_line
from runner.data.file_kinds.opened import opened
from runner.data.file_kinds.rows import FIRST_LINE_BYTES, Row, Wish, not_utf8, printable

LONG_LINE_BYTES = 2**23  # from which on a line is not held


def read(path: Path, packing: str, wish: Wish) -> Iterator[Row]:
    """Read the records of a file. Raises Failure INVALID with file and line, OSError."""
    limit = LONG_LINE_BYTES if wish.whole else FIRST_LINE_BYTES
    decoder = record_decoder(numbers_as_text=wish.numbers_as_text)
    with opened(path, packing) as file:
        number, done = 0, 0
        while line := file.lines.readline(limit):
            number += 1
            where = f"{printable(path)}:{number}"
            if len(line) == limit and not line.endswith(b"\n"):
                if not wish.whole:
                    return  # the rest of such a line, perhaps of gigabytes, is not looked at
                with rest_of_line(file, line, first=number == 1) as span:
                    if record := read_long_line(span, decoder, where):
                        yield Row(record, where, file.done(), is_long=True)
                done = file.done()
                continue
            done = file.done() if packing else done + len(line)
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(where, line[error.start]) from error
            if text.strip():
                yield Row(parse_record(text, decoder, where), where, done)
