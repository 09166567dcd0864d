""".json files: an array of records, an object with one list of records, or records one behind the other.

A window moves over the file, in which one record stands at a time. An object whose fields are those that the source
reads is one record, whatever lists it holds.
"""

from __future__ import annotations

import json
from codecs import getincrementaldecoder
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.data.file_kinds.json_record import record_decoder
from runner.data.file_kinds.opened import Opened, opened
from runner.data.file_kinds.rows import FIRST_LINE_BYTES, Row, Wish, not_utf8, printable
from runner.failure import ExitCode, Failure

WINDOW_BYTES = 2**18
RECORD_CHARACTERS = 2**24  # of the longest record that is held
BLANK = " \t\r\n"
END = ""


class TooLong(Exception):  # noqa: N818  (it is no error where the beginning of a file is looked at)
    """A record does not fit the window."""


def read(path: Path, packing: str, wish: Wish) -> Iterator[Row]:
    """Read the records of a file. Raises Failure INVALID with file and line, OSError."""
    with opened(path, packing) as file:
        window = Window(file, RECORD_CHARACTERS if wish.whole else FIRST_LINE_BYTES, record_decoder_of(wish))
        try:
            yield from _read(window, wish)
        except TooLong:
            if wish.whole:
                raise Failure(
                    f"{window.where()}: a record of more than {RECORD_CHARACTERS:,} characters; write one record a "
                    "line into a .jsonl file, where any length is read",
                    ExitCode.INVALID,
                ) from None


def record_decoder_of(wish: Wish) -> json.JSONDecoder:
    """The decoder of records that a wish asks for."""
    return record_decoder(numbers_as_text=wish.numbers_as_text)


def _read(window: Window, wish: Wish) -> Iterator[Row]:
    first = window.peek()
    if first == "[":
        window.take("[")
        yield from _array(window)
        if window.peek() != END:
            raise window.refusal("something stands behind the array of records")
        return
    while (sign := window.peek()) != END:  # records behind each other
        if sign != "{":
            raise window.refusal("a .json file holds an array of records, or an object with one list of records")
        yield from _object(window, wish)


def _array(window: Window) -> Iterator[Row]:
    """Yield the records of an array of which the bracket has been taken."""
    if window.peek() == "]":
        window.take("]")
        return
    while True:
        window.peek()
        where = window.where()
        record = window.value()
        if not isinstance(record, dict):
            kind = type(record).__name__
            raise Failure(f"{where}: a record must be a JSON object, not {kind}", ExitCode.INVALID)
        yield Row(record, where, window.done())
        if window.peek() == "]":
            window.take("]")
            return
        window.take(",")


def _object(window: Window, wish: Wish) -> Iterator[Row]:
    """Yield the records of the one list of an object, or the object as a record."""
    window.take("{")
    where, fields = window.where(), dict[str, Any]()
    listed: str | None = None
    while window.peek() != "}":
        if fields or listed is not None:
            window.take(",")
            window.peek()
        name = window.value()
        if not isinstance(name, str):
            raise window.refusal("a field's name must be text")
        window.peek()
        window.take(":")
        if name in fields or name == listed:
            raise window.refusal(f"field '{name}' is written twice")
        if window.peek() == "[" and not wish.columns.named(name) and window.begins_records():
            if listed is not None:
                raise window.refusal(f"'{listed}' and '{name}' are both lists of records; write them into two files")
            listed = name
            window.take("[")
            yield from _array(window)
        else:
            fields[name] = window.value()
    window.take("}")
    if listed is None:
        yield Row(fields, where, window.done())


class Window:
    """A part of a file's text that moves over it: `_text` from `_at` on is what has not been read."""

    def __init__(self, file: Opened, longest: int, decoder: json.JSONDecoder) -> None:
        self._file, self._longest, self._json = file, longest, decoder
        self._name = printable(file.path)
        self._utf8 = getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._ends = "", 0, False
        self._line, self._counted = 1, 0  # the number of the line that the window's sign `_counted` stands in

    def where(self) -> str:
        """File and line of what comes next."""
        if self._at > self._counted:  # once for each sign, whatever the window holds
            self._line += self._text.count("\n", self._counted, self._at)
            self._counted = self._at
        return f"{self._name}:{self._line}"

    def done(self) -> int:
        """How many bytes of the file have been read, about."""
        return self._file.done()

    def refusal(self, reason: str) -> Failure:
        """The refusal of what stands here."""
        return Failure(f"{self.where()}: not JSON records: {reason}", ExitCode.INVALID)

    def peek(self) -> str:
        """The next sign that is no blank; empty at the end of the file."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in BLANK:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return END

    def take(self, sign: str) -> None:
        """Go behind a sign. Raises Failure INVALID where another one stands."""
        found = self.peek()
        if found != sign:
            what = f"{found!r} stands" if found else "the file ends"
            raise self.refusal(f"{what} where {sign!r} is expected")
        self._at += 1

    def begins_records(self) -> bool:
        """Whether the array that begins here holds objects, or nothing."""
        before = 1
        while True:
            rest = self._text[self._at + before :].lstrip(BLANK)
            if rest:
                return rest[0] == "{"
            before = len(self._text) - self._at
            if not self._more():
                return False

    def value(self) -> Any:
        """Read the value that begins here. Raises Failure INVALID, TooLong."""
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ends:  # a number may go on
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - 8 or error.msg.startswith("Unterminated")
                if self._ends or not cut:
                    self._at = error.pos
                    raise self.refusal(error.msg) from error
            except (ValueError, RecursionError) as error:
                raise self.refusal(str(error)) from error
            if len(self._text) - self._at > self._longest:
                raise TooLong
            self._more(len(self._text) - self._at)

    def _more(self, least: int = 0) -> bool:
        """Read on, about so many bytes as the window holds already, so that a long value is not tried too often."""
        if self._ends:
            return False
        content = self._file.lines.read(max(WINDOW_BYTES, least))
        self._ends = not content
        try:
            text = self._utf8.decode(content, final=self._ends)
        except UnicodeDecodeError as error:
            line = self._line + self._text.count("\n", self._counted) + error.object.count(b"\n", 0, error.start)
            raise not_utf8(f"{self._name}:{line}", error.object[error.start]) from error
        self.where()
        self._text, self._at, self._counted = self._text[self._at :] + text, 0, 0
        return not self._ends or bool(text)
