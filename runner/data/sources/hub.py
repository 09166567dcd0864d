"""Datasets of the Hugging Face hub, at one commit: a record a row, read by the fields that files are read by.

Nothing of a script or of a pickle is read. The commit is found once and noted by the store and by the run, which need
no network from then on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from runner.data.sources._hub_errors import asked, offline_refusal
from runner.data.sources._hub_reading import HubPart, HubReading
from runner.data.sources._hub_set import HubSet
from runner.data.sources._reading import Choice, Reading
from runner.data.sources._records import Records
from runner.data.sources._source import Entry
from runner.failure import ExitCode, Failure
from runner.files.hub import endpoint, is_offline
from schema.document.catalogue import CATALOGUE
from schema.document.hub import HubName, cached_snapshot, datasets_cache, written_name
from schema.document.hub_rows import HubRows, overlap, read_rows
from schema.rules.record_kinds import KINDS, contradiction
from schema.rules.stream_without_end import endless
from schema.sections.data import Source


@dataclass(frozen=True, slots=True)
class HubData:
    """Satisfies `runner.data.sources.DataSource`; units are rows. `styles` are those of the run's datasets of it."""

    name: str
    section: Source
    styles: tuple[str, ...]
    repository: HubName
    parts: tuple[HubPart, ...]

    @property
    def total(self) -> int:
        """Rows that are read, or at most so many. Loads a set whose number of rows nobody has said; raises Failure."""
        return self._reading().total

    @property
    def is_divided(self) -> bool:
        """Whether the spec names the rows to validate on."""
        return len(self.parts) > 1

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
        parts = [[*part.rows, part.split] for part in self.parts]
        facts = ["hub", 1, self.pinned().origin, self.section.config, parts, *fields, self.section.numbers_as_text]
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
        named = [field for field, value in self.section if value != Source.model_fields[field].default]
        if sentence := contradiction(f"data/sources/{self.name}", named):
            raise Failure("; ".join(sentence), ExitCode.INVALID)
        return self._reading().entries(Records(self._choice()), start)

    def _choice(self) -> Choice:
        return Choice(self.name, self.section, self.styles)

    def _reading(self) -> HubReading:
        train, *val = (part.rows.split for part in self.parts)
        validated = "".join(split for split in val if split != train)
        found = HubSet(f"data/sources/{self.name}", self.pinned().repository, self.section.config, validated)
        return HubReading(found, self.parts, self.section.streaming)


def open_hub(name: str, section: Source, styles: Collection[str] = ()) -> HubData:
    """Return the dataset of the hub that `data/sources/<name>` names; nothing is asked yet.

    Raises Failure (INVALID) for a name, or rows, in another form, and for a stream without an end.
    """
    key = f"data/sources/{name}"
    repository = written_name(section.hub or "")
    if repository is None:
        raise Failure(f"{key}/hub: '{section.hub}' is no dataset's name; write OWNER/NAME", ExitCode.INVALID)
    if section.validation is None:
        parts: tuple[HubPart, ...] = (HubPart(_rows(key, "split", section.split, section)),)
    else:
        train, val = _rows(key, "split", section.split, section), _rows(key, "validation", section.validation, section)
        if overlap(train, val):
            raise Failure(
                f"{key}/validation: '{section.validation}' has rows that are trained on; name other rows",
                ExitCode.INVALID,
            )
        parts = HubPart(train, "train"), HubPart(val, "val")
    return HubData(name, section, tuple(styles), repository, parts)


def _rows(key: str, part: str, written: str | list[str], section: Source) -> HubRows:
    """Read the rows that a key of a source names. Raises Failure INVALID."""
    rows = read_rows(written) if isinstance(written, str) else None
    if rows is None:
        shown = written if isinstance(written, str) else ", ".join(written)
        raise Failure(
            f"{key}/{part}: '{shown}' is neither a split nor rows of one; write train, or train[:1_000_000]",
            ExitCode.INVALID,
        )
    if section.streaming and (sentence := endless(key, str(written))):
        raise Failure("; ".join(sentence), ExitCode.INVALID)
    return rows


def find_commit(key: str, name: HubName) -> str:
    """Ask the hub for the commit of a revision; `key` is data/sources/NAME. Raises Failure as `asked` does."""

    def ask() -> str:
        from huggingface_hub import HfApi

        hub = HfApi(endpoint=endpoint(), library_name="lorarun")
        return str(hub.dataset_info(name.model, revision=name.revision).sha)

    return asked(key, name, ask)
