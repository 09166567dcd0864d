"""Fields inside fields: `data.text` is the field text of the field data, `turns.0` the first of a list.

A field whose own name has a dot comes first where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from sys import maxsize
from typing import Any

MOST_SEEN = 1000  # elements of a list in which something else to read is looked for


def flattened(record: Mapping[str, Any], fields: Iterable[str]) -> Mapping[str, Any]:
    """Return a record in which each of these fields stands at the top, where it is found, and its neighbours with it.

    So `{data: {text: …, id: …}}` becomes `{data.text: …, data.id: …}` for the field data.text.
    """
    for field in fields:
        while field not in record:
            opened = _opened(record, field)
            if opened is None:
                break
            record = opened
    return record


def column_of(field: str, columns: Sequence[str]) -> str:
    """Return the column of a table that a field is read from: of its name, or the one it lies in."""
    while field not in columns and "." in field:
        field = field.rpartition(".")[0]
    return field


def _opened(record: Mapping[str, Any], field: str) -> dict[str, Any] | None:
    """Replace the field that holds this one by what lies in it; None where there is none."""
    holder = column_of(field, (*record,))
    if holder not in record:
        return None
    inner, index = record[holder], field[len(holder) + 1 :].partition(".")[0]
    if isinstance(inner, Mapping):
        parts = {f"{holder}.{name}": value for name, value in inner.items() if f"{holder}.{name}" not in record}
    elif isinstance(inner, Sequence) and not isinstance(inner, str) and index.isdecimal() and int(index) < len(inner):
        if f"{holder}.{index}" in record:
            return None
        # Places stay what they are; a list of which nothing is known has no end.
        others = inner if len(inner) == maxsize else [*inner[: int(index)], None, *inner[int(index) + 1 :]]
        left = {holder: others} if any(each is not None for each in others[:MOST_SEEN]) else {}
        parts = left | {f"{holder}.{index}": inner[int(index)]}
    else:
        return None
    return {
        name: value
        for field_name, whole in record.items()
        for name, value in (parts.items() if field_name == holder else ((field_name, whole),))
    }
