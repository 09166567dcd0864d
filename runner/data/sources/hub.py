"""Datasets of the Hugging Face hub, at one commit: a record a row, read by the fields that files are read by.

Nothing of a script or of a pickle is read. The commit is found once and noted by the store and by the run, which need
no network from then on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from runner.data.file_kinds.rows import Row, Wish
from runner.data.file_kinds.table import records_of, sample_of
from runner.data.sources._hub_errors import asked, offline_refusal
from runner.data.sources._hub_set import HubSet
from runner.data.sources._reading import Choice, Reading
from runner.data.sources._records import Records
from runner.data.sources._source import Dialogue, Document, Entry, Found, Piece
from runner.failure import ExitCode, Failure
from runner.files.hub import endpoint, is_offline
from schema.document.catalogue import CATALOGUE
from schema.document.hub import HubName, cached_snapshot, datasets_cache, written_name
from schema.document.hub_rows import HubRows, read_rows
from schema.rules.record_kinds import KINDS, contradiction
from schema.rules.stream_without_end import endless
from schema.sections.data import Source

SAMPLED_ROWS = 64  # of the columns that nothing is made of


@dataclass(frozen=True, slots=True)
class HubData:
    """Satisfies `runner.data.sources.DataSource`; units are rows. `styles` are those of the run's datasets of it."""

    name: str
    section: Source
    styles: tuple[str, ...]
    repository: HubName
    rows: HubRows

    @property
    def total(self) -> int:
        """Rows that are read, or at most so many. Loads a set whose number of rows nobody has said; raises Failure."""
        if self.rows.stop is not None:
            return self.rows.stop - self.rows.start
        return max(0, len(self._set().rows(self.rows.split)) - self.rows.start)

    @property
    def origin(self) -> str:
        """OWNER/NAME@COMMIT, or with the revision whose commit nobody has asked for."""
        return self.repository.at(self.repository.revision)

    @property
    def is_pinned(self) -> bool:
        """Whether it is at a commit, which is the same for ever."""
        return self.repository.is_pinned

    @property
    def is_catalogued(self) -> bool:
        """Whether the catalogue names it, and the spec nothing else of it."""
        row, written = CATALOGUE.get(self.name), self.section.model_fields_set
        return row is not None and {**row, "hub": self.repository.model} == {
            key: self.repository.model if key == "hub" else getattr(self.section, key) for key in written
        }

    def refuse_offline(self) -> None:
        """Raise Failure INVALID where the network is forbidden, and no cache can have the rows. Nothing is asked."""
        owner = self.repository.model.partition("/")[0]
        cached = not self.section.streaming and any(datasets_cache().glob(f"{owner}___*"))
        if not cached and is_offline():
            raise offline_refusal(f"data/sources/{self.name}", self.repository)

    def at(self, origin: str) -> HubData:
        """Return this source at the commit of a store of that origin, where it names none and the set is the same."""
        found = written_name(origin)
        if self.repository.is_pinned or found is None or found.model != self.repository.model:
            return self
        return replace(self, repository=found)

    def pinned(self, origin: str = "") -> HubData:
        """Return this source at the commit that its revision is at, which the hub is asked for.

        Where that can't be reached, the commit of a store of the same set does, or that which the cache of the hub
        has. Raises Failure where there is neither, or the hub has no such set.
        """
        if self.repository.is_pinned:
            return self
        try:
            commit = find_commit(f"data/sources/{self.name}", self.repository)
        except Failure as failure:
            known, cached = self.at(origin), cached_snapshot(self.repository, "datasets")
            if not is_offline() and failure.exit_code is not ExitCode.PREEMPTED:
                raise
            if known is self and cached is None:
                raise
            return known if cached is None or known is not self else self.at(self.repository.at(cached.name))
        return replace(self, repository=self.repository._replace(revision=commit))

    def fingerprints(self) -> tuple[str, ...]:
        """Digest commit, configuration, rows and field names. Raises Failure where the commit can't be asked for."""
        fields = [getattr(self.section, field) for kind in KINDS for field in kind]
        facts = ["hub", 1, self.pinned().origin, self.section.config, *self.rows, *fields, self.section.numbers_as_text]
        return (hashlib.sha256(json.dumps(facts).encode()).hexdigest(),)

    def stamp(self) -> str:
        """The fingerprint: a commit is the same for ever. Raises Failure as it does."""
        return self.fingerprints()[0]

    @property
    def has_records(self) -> bool:
        """Each row is one."""
        return True

    def reading(self, first: tuple[str, ...]) -> Reading:
        """Return which field is read as what. Raises ValueError for a first record that can't be read."""
        return self._choice().of(first) if first else {}

    def documents(self, start: int = 0) -> Iterator[Entry]:
        """Read all rows, in order. Raises Failure.

        INVALID with the row for fields of two kinds and for what the hub does not have, PREEMPTED where the hub fails
        to the end, STORAGE where its cache can't be written.
        """
        found, records, done = self.pinned(), Records(self._choice()), start
        for entry in found._read(records, start):
            done += 1
            yield entry
        if done == start and start:  # there is nothing behind it but what was found
            last = next(found._tables(start - 1), None)
            if last is None:
                return
            found._wanted(Wish(records.columns), last[1], start)
        if records.found.first:
            yield Found(records.found, done)

    def _read(self, records: Records, start: int) -> Iterator[Entry]:
        named = [field for field, value in self.section if value != Source.model_fields[field].default]
        if sentence := contradiction(f"data/sources/{self.name}", named):
            raise Failure("; ".join(sentence), ExitCode.INVALID)
        wish, wanted = Wish(records.columns, numbers_as_text=records.numbers_as_text), None
        for number, table in self._tables(start):
            wanted = wanted or self._wanted(wish, table, start)
            batches = table.select(wanted).to_batches()
            for record, is_long in chain.from_iterable(records_of(batch, wish) for batch in batches):
                where = f"{self.repository.model}, {self.rows.split} row {number}"
                number += 1
                yield _one(records.read(Row(record, where, number - self.rows.start, is_long)))

    def _tables(self, start: int) -> Iterator[tuple[int, Any]]:
        """Yield the rows behind `start` as tables, each with the number of its first one in the split."""
        first, found = self.rows.start + start, self._set()
        for table in found.tables(self.rows.split, first, self.rows.stop, streaming=self.section.streaming):
            yield first, table
            first += len(table)

    def _wanted(self, wish: Wish, table: Any, start: int) -> list[str]:
        """The columns that are read; the others are looked at in the first rows of all, to say what they hold."""
        if start:
            table = next((table for _, table in self._tables(0)), table)
        wanted = [*wish.columns.wanted(sample_of(table.schema), f"{self.repository.model}, {self.rows.split}")]
        if len(table.column_names) > len(wanted):
            # Pictures and sounds are no text, and megabytes each.
            some = [field.name for field in table.schema if "binary" not in str(field.type)]
            wish.columns.note(table.slice(0, SAMPLED_ROWS).select(some).to_pylist())
        return wanted

    def _choice(self) -> Choice:
        return Choice(self.name, self.section, self.styles)

    def _set(self) -> HubSet:
        name = self.pinned().repository
        return HubSet(f"data/sources/{self.name}", name, self.section.config)


def open_hub(name: str, section: Source, styles: Collection[str] = ()) -> HubData:
    """Return the dataset of the hub that `data/sources/<name>` names; nothing is asked yet.

    Raises Failure (INVALID) for a name, or rows, in another form, and for a stream without an end.
    """
    key = f"data/sources/{name}"
    repository, rows = written_name(section.hub or ""), read_rows(section.split)
    if repository is None:
        raise Failure(f"{key}/hub: '{section.hub}' is no dataset's name; write OWNER/NAME", ExitCode.INVALID)
    if rows is None:
        raise Failure(
            f"{key}/split: '{section.split}' is neither a split nor rows of one; write train, or train[:1_000_000]",
            ExitCode.INVALID,
        )
    if section.streaming and (sentence := endless(key, section.split)):
        raise Failure("; ".join(sentence), ExitCode.INVALID)
    return HubData(name, section, tuple(styles), repository, rows)


def find_commit(key: str, name: HubName) -> str:
    """Ask the hub for the commit of a revision; `key` is data/sources/NAME. Raises Failure as `asked` does."""

    def ask() -> str:
        from huggingface_hub import HfApi

        hub = HfApi(endpoint=endpoint(), library_name="lorarun")
        return str(hub.dataset_info(name.model, revision=name.revision).sha)

    return asked(key, name, ask)


def _one(entries: Iterator[Document | Piece | Dialogue]) -> Document | Dialogue:
    """Join the pieces of a long text, which is held as a row of a table anyway: each row is one entry."""
    found = [*entries]
    first = found[0]
    if isinstance(first, Piece):
        return Document("", "".join(each.text for each in found if isinstance(each, Piece)), first.where, first.done)
    return first
