"""How far the making of a store is, noted beside its files, so that a preparation that was cut off goes on there.

A note is of files that are on the disk as far as it says; beyond that they are cut. One of another source, tokenizer or
recipe is nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.data.stores.batches import Place
from runner.data.stores.meta import fields_of
from runner.data.stores.writer import Written, written_of
from runner.files.atomic import write_atomically
from runner.files.digested_json import read_text, with_digest
from schema.environment import Fields

PROGRESS_FILE = "progress.json"
VERSION = 3  # of what is noted, and of how a source becomes a store beyond what digests of stores say


@dataclass(frozen=True, slots=True)
class Progress:
    """A place in a source, the files as they are behind it, and what was noted of the entries before it.

    `identity` says of what the store is made. `skipped` is the state of `LeftOut`. `whole` says that all documents are
    written and divided into splits.
    """

    identity: str
    place: Place
    written: Written
    skipped: dict[str, Any]
    fields: Fields
    whole: bool = False

    def note(self, partial: Path) -> None:
        """Write the note; the files must be on the disk as far. Raises OSError."""
        facts = {
            "version": VERSION,
            "identity": self.identity,
            "place": self.place._asdict(),
            "written": self.written.facts(),
            "skipped": self.skipped,
            "fields": self.fields._asdict(),
            "whole": self.whole,
        }
        write_atomically(partial / PROGRESS_FILE, with_digest(json.dumps(facts, indent=1)))


def noted_progress(partial: Path, identity: str) -> Progress | None:
    """Return how far a store of this identity is made in a folder; None where there is nothing to go on from."""
    try:
        facts = read_text((partial / PROGRESS_FILE).read_text(encoding="utf-8"))
        if (facts["version"], facts["identity"]) != (VERSION, identity):
            return None
        written, fields = written_of(facts["written"]), fields_of(facts["fields"])
        return Progress(identity, Place(**facts["place"]), written, facts["skipped"], fields, facts["whole"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
