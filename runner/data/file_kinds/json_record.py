"""One record of JSON: what is read, and how it is refused, wherever it stands."""

from __future__ import annotations

import json
from typing import Any

from runner.data.file_kinds.rows import Numeral
from runner.failure import ExitCode, Failure


def record_decoder(*, numbers_as_text: bool) -> json.JSONDecoder:
    """Return what reads a record: a field that is written twice is refused; numbers may keep how they are written."""
    return json.JSONDecoder(object_pairs_hook=unique, parse_float=Numeral if numbers_as_text else None)


def parse_record(text: str, decoder: json.JSONDecoder, where: str) -> dict[str, Any]:
    """Read one record. Raises Failure INVALID."""
    try:
        record = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise not_json(where, error.msg, error.colno) from error
    except (ValueError, RecursionError) as error:  # numbers of 4,300 digits, brackets a thousand deep
        raise Failure(f"{where}: not a record: {error}", ExitCode.INVALID) from error
    return an_object(record, where)


def an_object(record: Any, where: str) -> dict[str, Any]:
    """Return a record that is one. Raises Failure INVALID."""
    if not isinstance(record, dict):
        raise Failure(f"{where}: a line must be one JSON object, not {type(record).__name__}", ExitCode.INVALID)
    return record


def not_json(where: str, message: str, column: int) -> Failure:
    """The refusal of a line that is no JSON."""
    return Failure(f"{where}: not JSON: {message} at column {column}", ExitCode.INVALID)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object. Raises ValueError where a field is written twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"field '{next(name for name in names if names.count(name) > 1)}' is written twice")
    return found
