"""Rows of a hub dataset as entries of a source: those of one split, or those to train on and those to validate on.

Each row is one entry, so that reading may begin behind any number of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from runner.data.file_kinds.rows import Row, Wish
from runner.data.file_kinds.table import records_of, sample_of
from runner.data.sources._hub_set import HubSet
from runner.data.sources._records import Records
from runner.data.sources._source import Document, Entry, Example, Found, Piece, Skipped
from schema.document.hub_rows import HubRows

SAMPLED_ROWS = 64  # of the columns that nothing is made of


class HubPart(NamedTuple):
    """Rows of a split on the hub, and the split of the store that they belong to; None leaves that to their content."""

    rows: HubRows
    split: str | None = None


@dataclass(frozen=True, slots=True)
class HubReading:
    """Reads the parts of a set in their order."""

    found: HubSet
    parts: tuple[HubPart, ...]
    streaming: bool

    @property
    def total(self) -> int:
        """Rows of all parts, or at most so many. Loads a set whose number of rows nobody has said; raises Failure."""
        return sum(
            self._count(part.rows) if part.rows.stop is None else part.rows.stop - part.rows.start
            for part in self.parts
        )

    def entries(self, records: Records, start: int) -> Iterator[Entry]:
        """Read all rows behind `start`, and say last what was found. Raises Failure."""
        wish = Wish(records.columns, numbers_as_text=records.numbers_as_text)
        left, done = start, start
        for number, part in enumerate(self.parts):
            is_last = number == len(self.parts) - 1
            rows = 0 if is_last or not left else self._count(part.rows)
            if left and not is_last and left >= rows:
                left -= rows
                self._look(wish, part)
                continue
            records.split = part.split
            for entry in self._part(records, wish, part, left, done):
                done += 1
                yield entry
            if is_last and left and done == start:  # there is nothing behind it but what was found
                if next(self._tables(part.rows, left - 1), None) is None:
                    return
                self._look(wish, part)
            left = 0
        if records.found.first:
            yield Found(records.found, done)

    def _part(self, records: Records, wish: Wish, part: HubPart, left: int, done: int) -> Iterator[Entry]:
        """Read the rows of one part behind the first `left`; `done` are all rows before them."""
        wanted: list[str] = []
        for number, table in self._tables(part.rows, left):
            wanted = wanted or (self._look(wish, part) if left else self._wanted(wish, part, table))
            batches = table.select(wanted).to_batches()
            for record, is_long in chain.from_iterable(records_of(batch, wish) for batch in batches):
                where = f"{self.found.name.model}, {part.rows.split} row {number}"
                number += 1
                done += 1
                yield _one(records.read(Row(record, where, done, is_long)))

    def _count(self, rows: HubRows) -> int:
        return self.found.count(*rows, streaming=self.streaming)

    def _tables(self, rows: HubRows, left: int) -> Iterator[tuple[int, Any]]:
        """Yield rows behind the first `left` as tables, each with the number of its first one in the split."""
        first = rows.start + left
        for table in self.found.tables(rows.split, first, rows.stop, streaming=self.streaming):
            yield first, table
            first += len(table)

    def _look(self, wish: Wish, part: HubPart) -> list[str]:
        """Look at the beginning of a part, as who reads all of it does, and return the columns that are read."""
        found = next(self._tables(part.rows, 0), None)
        return [] if found is None else self._wanted(wish, part, found[1])

    def _wanted(self, wish: Wish, part: HubPart, table: Any) -> list[str]:
        """The columns that are read; the others are looked at in the first rows, to say what they hold."""
        wanted = [*wish.columns.wanted(sample_of(table.schema), f"{self.found.name.model}, {part.rows.split}")]
        if len(table.column_names) > len(wanted):
            # Pictures and sounds are no text, and megabytes each.
            some = [field.name for field in table.schema if "binary" not in str(field.type)]
            wish.columns.note(table.slice(0, SAMPLED_ROWS).select(some).to_pylist())
        return wanted


def _one(entries: Iterator[Example | Piece | Skipped]) -> Example | Skipped:
    """Join the pieces of a long text, which is held as a row of a table anyway."""
    found = [*entries]
    first = found[0]
    if isinstance(first, Piece):
        text = "".join(each.text for each in found if isinstance(each, Piece))
        return Document("", text, first.where, first.done, first.split)
    return first
