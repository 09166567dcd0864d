"""What is read of files, whatever their kind: parts of texts, and records; and what is wished of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from runner.failure import ExitCode, Failure

FIRST_TEXT_BYTES, FIRST_LINE_BYTES = 2**16, 2**22  # of a text, and of a record, where not all of a file is read
PART_BYTES = 2**20  # of a text that is too long to be held
MOST_HELD = 2**26  # bytes of a text that something needs as a whole


class Part(NamedTuple):
    """A part of a text; `done` is how many bytes of the file have been read with it."""

    text: str
    done: int
    is_last: bool


class Row(NamedTuple):
    """One record: its fields, its file and place for a sentence, and how many bytes of the file have been read.

    Where `is_long`, values may be a `LongText` or hold some, which can be read until the next row is asked for.
    """

    fields: Mapping[str, Any]
    where: str
    done: int
    is_long: bool = False


class LongText(Protocol):
    """A text of a record that is too long to be held whole."""

    @property
    def bytes(self) -> int:
        """About how long it is."""
        ...

    def parts(self) -> Iterator[str]:
        """Read it from its beginning. Raises Failure INVALID where it is malformed."""
        ...


class Columns(NamedTuple):
    """Asks which columns of a table are wanted, and takes some rows of those that are not.

    `wanted` is told the columns, by a record that has a text where a column holds texts, and where the table lies.
    `named` says whether the source reads a field of this name.
    """

    named: Callable[[str], bool]
    wanted: Callable[[Mapping[str, Any], str], Iterable[str]]
    note: Callable[[Iterable[Mapping[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a file's records: all, or those before a long one; numbers as they are written, or not."""

    columns: Columns
    whole: bool = True
    numbers_as_text: bool = False


class Numeral(float):
    """A number of a JSON file that is no integer, with its text: 1.10 stays 1.10."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, written: str) -> Numeral:
        """Read a number as JSON writes it."""
        found = super().__new__(cls, written)
        found.written = written
        return found


def is_long(value: Any) -> bool:
    """Whether a value of a record is a `LongText`."""
    return hasattr(value, "parts")


def held(text: LongText, where: str, field: str) -> str:
    """Return a long text as a whole. Raises Failure INVALID for one that is longer than may be held."""
    if text.bytes > MOST_HELD:
        raise Failure(
            f"{where}: field '{field}' has {text.bytes:,} bytes, and beside another field {MOST_HELD:,} are the most; "
            "divide the record, or name the field as text",
            ExitCode.INVALID,
        )
    return "".join(text.parts())


def printable(name: str | os.PathLike[str]) -> str:
    """Return a file's name with what is no text in it escaped."""
    return os.fspath(name).encode(errors="backslashreplace").decode()


def not_utf8(where: str, byte: int) -> Failure:
    """The refusal of a file in another encoding."""
    return Failure(f"{where}: byte 0x{byte:02x} is not UTF-8; convert the file", ExitCode.INVALID)
