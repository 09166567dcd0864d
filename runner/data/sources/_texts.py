"""The text of a field: as it stands, as a number that was asked for as text, or as one too long to be held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from runner.data.file_kinds.rows import LongText, Numeral, held, is_long, not_utf8
from runner.data.sources._reading import Choice
from runner.data.sources._source import PIECE_CHARACTERS, Piece
from runner.failure import ExitCode, Failure
from schema.rules.record_kinds import KINDS

SHOWN: dict[type, str] = {dict: "a mapping", list: "a list"}
BEGINNING = 10_000  # characters of a long text by which one judges what it is


def text_of(record: Mapping[str, Any], field: str, where: str, choice: Choice) -> str:
    """Return the text in a field. Raises Failure INVALID where it holds something else."""
    value = record[field]
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if is_number and choice.section.numbers_as_text and isfinite(value):
        return value.written if isinstance(value, Numeral) else str(value)
    shown, remedy = "null" if value is None else SHOWN.get(type(value), type(value).__name__), ""
    if is_number and not isfinite(value):
        shown = "a number that is not finite"
    elif isinstance(value, dict):
        inner = [name for name, each in value.items() if isinstance(each, str)]
        named = [key for kind in KINDS for key in kind if getattr(choice.section, key) == field]
        if len(inner) == len(named) == 1:
            remedy = f"; write {named[0]}: {field}.{inner[0]} under data/sources/{choice.name}"
    elif is_number:
        remedy = f"; to read numbers, write numbers_as_text: true under data/sources/{choice.name}"
    raise Failure(f"{where}: field '{field}' must be text, not {shown}{remedy}", ExitCode.INVALID)


def in_pieces(text: str | LongText, where: str, done: int, split: str | None) -> Iterator[Piece]:
    """Yield a long text in pieces. Raises Failure INVALID where it is malformed."""
    parts = _slices(text) if isinstance(text, str) else _parts(text, where)
    before = next(parts)
    for part in parts:
        yield Piece(before, where, done, False, split)
        before = part
    yield Piece(before, where, done, True, split)


def held_whole(value: Any, where: str, field: str) -> Any:
    """Return a value with every long text in it as a whole. Raises Failure INVALID for one too long for that."""

    def joined(text: LongText) -> str:
        return held(text, where, field)

    return _replaced(value, joined)


def beginnings(value: Any) -> Any:
    """Return a value with the beginning of every long text in it; all of each is read, so that it is well formed."""

    def beginning(text: LongText) -> str:
        parts = text.parts()
        first = next(parts, "")[:BEGINNING]
        for _ in parts:
            pass
        return first

    return _replaced(value, beginning)


def _replaced(value: Any, short: Callable[[LongText], str]) -> Any:
    if is_long(value):
        return short(value)
    if isinstance(value, dict):
        return {name: _replaced(inner, short) for name, inner in value.items()}
    return [_replaced(inner, short) for inner in value] if isinstance(value, list) else value


def _slices(text: str) -> Iterator[str]:
    return (text[start : start + PIECE_CHARACTERS] for start in range(0, len(text), PIECE_CHARACTERS))


def _parts(text: LongText, where: str) -> Iterator[str]:
    try:
        yield from text.parts()
    except UnicodeDecodeError as error:  # of a table's cell
        raise not_utf8(where, error.object[error.start]) from error
