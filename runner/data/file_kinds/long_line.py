"""A line of a .jsonl file that is too long to be held: it stays where it lies, and its long texts are read in parts.

First its skeleton is read: the line with a short mark in place of each long text. What is refused is what reading the
line as a whole would refuse, in the same words.
"""

from __future__ import annotations

import json
import mmap
import re
import secrets
import tempfile
from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from runner.data.file_kinds.json_record import an_object, not_json
from runner.data.file_kinds.opened import Opened
from runner.data.file_kinds.rows import PART_BYTES, not_utf8
from runner.failure import ExitCode, Failure

LONG_TEXT_BYTES = 2**20  # from which on a text of such a line is not held
SKELETON_BYTES = 2**25  # of the rest of the line
BOM = b"\xef\xbb\xbf"
HIGH = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")  # the first half of a character beyond 16 bits


class Span(NamedTuple):
    """Bytes of a mapped file, from `start` to `end`."""

    bytes: mmap.mmap
    start: int
    end: int


@contextmanager
def rest_of_line(file: Opened, begun: bytes, *, first: bool) -> Iterator[Span]:
    """Map the line of which the beginning has been read, and go behind it; a packed one is unpacked to a disk.

    Raises OSError.
    """
    if file.unpacking is None:
        read = file.lines.tell()
        with mmap.mmap(file.raw.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            newline = mapped.find(b"\n", read)
            start, end = read - len(begun), len(mapped) if newline < 0 else newline + 1
            file.lines.seek(end)
            yield Span(mapped, start + len(BOM) * (first and begun.startswith(BOM)), end)
        return
    with tempfile.TemporaryFile() as unpacked:
        part = begun
        while part:
            unpacked.write(part)
            part = b"" if part.endswith(b"\n") else file.lines.readline(PART_BYTES)
        unpacked.flush()
        with mmap.mmap(unpacked.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield Span(mapped, len(BOM) * (first and begun.startswith(BOM)), len(mapped))


def read_long_line(span: Span, decoder: json.JSONDecoder, where: str) -> dict[str, Any] | None:
    """Read the record of a line, its long texts as `TextInJson`; None for a line of blanks. Raises Failure INVALID."""
    _check_utf8(span, where)
    skeleton = _skeleton(span, where)
    if not skeleton.text.strip():
        return None
    try:
        record = decoder.decode(skeleton.text)
    except json.JSONDecodeError as error:
        raise not_json(where, error.msg, skeleton.column(error)) from error
    except (ValueError, RecursionError) as error:
        raise Failure(f"{where}: not a record: {error}", ExitCode.INVALID) from error
    restored: dict[str, Any] = skeleton.restored(an_object(record, where), where)
    return restored


@dataclass(frozen=True, slots=True)
class TextInJson:
    """Satisfies `LongText`: what stands between two quotes of a mapped line, with its escapes."""

    span: Span
    line: Span
    where: str

    @property
    def bytes(self) -> int:
        """How long it is as it is written."""
        return self.span.end - self.span.start

    def parts(self) -> Iterator[str]:
        """Read it from its beginning. Raises Failure INVALID where it is malformed."""
        decoder, rest = getincrementaldecoder("utf-8")(), ""
        before = self.span.start
        for start in range(self.span.start, self.span.end, PART_BYTES):
            end = min(start + PART_BYTES, self.span.end)
            text = rest + decoder.decode(self.span.bytes[start:end], final=end == self.span.end)
            cut = len(text) if end == self.span.end else whole_escapes(text)
            try:
                part: str = json.loads(f'"{text[:cut]}"')
            except json.JSONDecodeError as error:
                column = _characters(self.line, before) + error.pos
                raise not_json(self.where, error.msg, column) from error
            before += len(text[:cut].encode())
            rest = text[cut:]
            if part:
                yield part


def whole_escapes(text: str) -> int:
    """How much of a JSON string's beginning can be read alone: neither an escape nor a pair of surrogates is cut."""
    last = text.rfind("\\", max(0, len(text) - 6))
    if last < 0 or not _begins_escape(text, last):
        return len(text)
    length = 6 if text[last + 1 : last + 2] == "u" else 2
    cut = len(text)
    if last + length > len(text) or (last + length == len(text) and HIGH.search(text)):
        cut = last
    half = HIGH.search(text, max(0, cut - 6), cut)
    return half.start() if half and cut == last and _begins_escape(text, half.start()) else cut


def _begins_escape(text: str, place: int) -> bool:
    """Whether a backslash begins an escape, and is not the second of one."""
    return (place + 1 - len(text[: place + 1].rstrip("\\"))) % 2 == 1


class _Skeleton(NamedTuple):
    """A line with a mark in place of each long text, and these texts by their marks, in order."""

    text: str
    texts: Mapping[str, TextInJson]

    def restored(self, value: Any, where: str) -> Any:
        """Put long texts back in place of their marks. Raises Failure INVALID for a field that is called by one."""
        if isinstance(value, str):
            return self.texts.get(value, value)
        if isinstance(value, dict):
            if any(name in self.texts for name in value):
                raise Failure(f"{where}: a field's name has more than {LONG_TEXT_BYTES:,} bytes", ExitCode.INVALID)
            return {name: self.restored(inner, where) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.restored(inner, where) for inner in value]
        return value

    def column(self, error: json.JSONDecodeError) -> int:
        """Where an error stands in the line, in characters from 1."""
        if "\n" in error.doc[: error.pos]:
            return error.colno
        column = error.colno
        for mark, text in self.texts.items():
            if error.doc.find(mark, 0, error.pos) >= 0:
                column += _characters(text.span, text.span.end) - len(mark)
        return column


def _skeleton(line: Span, where: str) -> _Skeleton:
    """Find the long texts of a line, and what it is without them. Raises Failure INVALID where that is long itself."""
    kept: list[bytes] = []
    texts: dict[str, TextInJson] = {}
    size, place, at, salt = 0, line.start, line.start, secrets.token_hex(8)
    while (quote := line.bytes.find(b'"', at, line.end)) >= 0:
        close = _closing(line, quote + 1)
        if close < 0:
            for _ in TextInJson(Span(line.bytes, quote + 1, line.end), line, where).parts():
                pass  # what is wrong in it comes first
            raise not_json(where, "Unterminated string starting at", _characters(line, quote) + 1)
        if close - quote > LONG_TEXT_BYTES:
            mark = f"\ufdd0{salt}{len(texts)}\ufdd1"  # which no other text is
            texts[mark] = TextInJson(Span(line.bytes, quote + 1, close), line, where)
            kept += [line.bytes[place : quote + 1], mark.encode()]
            size, place = size + quote + 1 - place, close
        at = close + 1
        if size + at - place > SKELETON_BYTES:
            break
    if size + line.end - place > SKELETON_BYTES:
        raise Failure(
            f"{where}: a record of {line.end - line.start:,} bytes, of which more than {SKELETON_BYTES:,} are no long "
            "text; divide it into several",
            ExitCode.INVALID,
        )
    return _Skeleton(b"".join([*kept, line.bytes[place : line.end]]).decode(), texts)


def _closing(line: Span, at: int) -> int:
    """Where the string ends that begins here; -1 where it doesn't."""
    while (quote := line.bytes.find(b'"', at, line.end)) >= 0:
        before = quote
        while before > at and line.bytes[before - 1] == 0x5C:
            before -= 1
        if (quote - before) % 2 == 0:
            return quote
        at = quote + 1
    return -1


def _check_utf8(line: Span, where: str) -> None:
    """Raise Failure INVALID for a byte that is no UTF-8."""
    decoder = getincrementaldecoder("utf-8")()
    for start in range(line.start, line.end, PART_BYTES):
        end = min(start + PART_BYTES, line.end)
        try:
            decoder.decode(line.bytes[start:end], final=end == line.end)
        except UnicodeDecodeError as error:
            raise not_utf8(where, error.object[error.start]) from error


def _characters(span: Span, end: int) -> int:
    """How many characters stand between the start of a span and a place in it."""
    continuing = bytes(range(0x80, 0xC0))
    pieces = range(span.start, end, PART_BYTES)
    return sum(len(span.bytes[start : min(start + PART_BYTES, end)].translate(None, continuing)) for start in pieces)
