"""What records hold beside the fields that are read: the names, and which of them are text that an example lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schema.document.field_names import ALTERNATIVES, BESIDE_CONVERSATION, CONTENT, plain

MOST_NAMES = 100  # of fields; records that are keyed by something else than fields have millions
MOST_NOTED = 256  # texts of each field that are looked at; its name is noted wherever it comes
# A field without a usual name is content where it holds so many words on average, and so much of what is read. Less is
# a title, a date, an address; beside a conversation, which is whole in itself, also a note about it.
LEAST_WORDS, LEAST_SHARE, LEAST_SHARE_OF_CONVERSATION = 4, 0.05, 0.5
BEGINNING = 10_000  # characters of a text whose words are counted: a field may hold pages of megabytes
DEEPEST = 8  # lists and mappings inside each other; what lies deeper is looked at by nobody


@dataclass(slots=True)
class _Held:
    """What a field holds: how many texts were `seen`, and of those that no example has, `records` and how much."""

    seen: int = 0
    records: int = 0
    words: int = 0
    characters: int = 0
    beside: int = 0  # characters that are read of the same records


class Unread:
    """Collects the fields of the records of one source that are not read."""

    def __init__(self) -> None:
        self._fields: dict[str, _Held] = {}

    def note(self, record: Mapping[str, Any], wanted: tuple[str, ...]) -> None:
        """Note the fields of a record that are not among those that are read of it."""
        for field, value in record.items():
            held = self._fields.get(field)
            if field in wanted or (held is None and len(self._fields) >= MOST_NAMES):
                continue
            if held is None:
                held = self._fields[field] = _Held()
            if held.seen < MOST_NOTED and (texts := [text.strip() for text in _texts(value) if text.strip()]):
                held.seen += 1
                self._hold(held, texts, [text.strip() for text in _texts([record[each] for each in wanted])])

    def _hold(self, held: _Held, texts: list[str], read: list[str]) -> None:
        """Count texts that are no part of one that is read, nor made of all of them, as a rendered example is."""
        read = [piece for piece in read if piece]
        lost = [text for text in texts if not any(text in piece for piece in read)]
        if not lost or (read and all(any(piece in text for text in texts) for piece in read)):
            return
        held.records += 1
        held.words += sum(len(text[:BEGINNING].split()) for text in lost)
        held.characters += sum(map(len, lost))
        held.beside += sum(map(len, read))

    def found(self, *, conversations: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the names of all fields that are not read, and of those whose text an example lacks."""
        lost = (name for name, held in self._fields.items() if _is_content(name, held, conversations))
        return tuple(self._fields), tuple(lost)


def _is_content(name: str, held: _Held, conversations: bool) -> bool:
    called = plain(name)
    if not held.records or called in ALTERNATIVES:
        return False
    if called in CONTENT:
        return called in BESIDE_CONVERSATION or not conversations
    least = LEAST_SHARE_OF_CONVERSATION if conversations else LEAST_SHARE
    return held.words >= LEAST_WORDS * held.records and held.characters >= least * held.beside


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text in a value, as deep as records are made by people."""
    if isinstance(value, str):
        yield value
    elif depth < DEEPEST and isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner, depth + 1)
