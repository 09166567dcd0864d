"""Files of other machines as a dataset: fetched into a folder beside the stores, and read as local ones.

The network is asked when a store is looked for, by `stamp`, and not before. What was fetched is removed once the store
is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.data.sources._listing import Found as File
from runner.data.sources._listing import Listing
from runner.data.sources._reading import Choice
from runner.data.sources._servers import Listed, asked, list_servers
from runner.data.sources._source import Entry, stamp_files
from runner.data.sources.files import Files
from runner.failure import ExitCode, Failure
from runner.files.atomic import write_atomically
from runner.files.remote.file import RemoteFile
from schema.document.file_kinds import kind_of
from schema.document.remote import file_name, shown
from schema.sections.data import Source
from schema.text.paths import at_home

if TYPE_CHECKING:  # whoever asks no server loads nothing that could
    from runner.files.network import Patience

PLACES_LETTERS = 16  # of a stamp say where the files lie, so that it is known without asking for them
FETCHED = ".fetched"  # the folder below data/root


@dataclass(slots=True)
class RemoteFiles:
    """Satisfies `runner.data.sources.DataSource`; units are bytes. Local files may be among those of the spec.

    `unreached` says why no server was asked: then the store of what there was last time is as good.
    """

    name: str
    section: Source
    styles: tuple[str, ...]
    root: str
    patience: Patience | None = None
    unreached: str = ""
    _listed: dict[str, Listed] = field(default_factory=dict)
    _files: Files | None = None

    @property
    def folder(self) -> Path:
        """Where files are fetched to."""
        return at_home(self.root) / FETCHED / self.name

    @property
    def total(self) -> int:
        """Bytes of all files. Raises Failure as `stamp`."""
        files = (file for key in self._paths() for file in self._list(key).files)
        return sum(file.bytes or 0 for file in files)

    @property
    def left_out(self) -> tuple[tuple[str, str], ...]:
        """(reason, name) of each entry beside the files that is not read. Raises Failure as `stamp`."""
        return tuple(entry for key in self._paths() for entry in self._list(key).left_out)

    @property
    def is_divided(self) -> bool:
        """Whether the spec names the files to validate on."""
        return self.section.validation is not None

    @property
    def places(self) -> str:
        """How stamps of these addresses begin, whatever lies there."""
        keys = [repr(self._paths()), repr(self.section.model_dump(exclude={"path", "validation"}, exclude_none=True))]
        return f"remote {hashlib.sha256(' '.join(keys).encode()).hexdigest()[:PLACES_LETTERS]}"

    def stamp(self) -> str:
        """Identify addresses, sizes and versions of all files; those of the last time where no server is reached.

        Raises Failure: PREEMPTED where that is another source's first time, INVALID for what a server refuses.
        """
        note = self.folder.with_name(f"{self.name}.json")
        try:
            facts = [self._facts(file) for key in self._paths() for file in self._list(key).files]
        except Failure as failure:
            known = _noted(note)
            if failure.exit_code is not ExitCode.PREEMPTED or not known.startswith(self.places):
                raise
            self.unreached = str(failure).partition("; ")[0]
            return known
        stamp = f"{self.places} {hashlib.sha256(repr(facts).encode()).hexdigest()}"
        if _noted(note) != stamp:
            with suppress(OSError):  # a disk that can't be written is told of where something must be
                note.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(note, json.dumps(stamp))
        return stamp

    def fingerprints(self) -> tuple[str, ...]:
        """Fetch all files, and digest them as local ones. Raises Failure as `stamp`, STORAGE for a full disk."""
        return self._fetched().fingerprints()

    @property
    def has_records(self) -> bool:
        """Whether a file may hold records."""
        kinds = [kind_of(file_name(path) or path) for path in self.section.paths]
        return any(kind is None or kind.has_records for kind in kinds)

    def reading(self, first: tuple[str, ...]) -> Mapping[str, str]:
        """Return which field is read as what. Raises ValueError for a first record that can't be read."""
        return Choice(self.name, self.section, self.styles).of(first) if first else {}

    def documents(self, start: int = 0) -> Iterator[Entry]:
        """Fetch all files, and read them in order. Raises Failure as `fingerprints`, and as those of local files."""
        return self._fetched().documents(start)

    def release(self) -> None:
        """Remove what was fetched. Never raises."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._files = None

    def _paths(self) -> dict[str, tuple[str, ...]]:
        validation = {"validation": self.section.validation_paths} if self.is_divided else {}
        return {"path": self.section.paths} | validation

    def _facts(self, file: File | RemoteFile) -> tuple[str, ...]:
        if isinstance(file, RemoteFile):
            return shown(file.address), str(file.bytes), file.identity
        return (stamp_files([(file.name, file.path)]),)

    def _list(self, key: str) -> Listed:
        """The files of one key. Raises Failure."""
        if key not in self._listed:
            files, left_out = list[File | RemoteFile](), list[tuple[str, str]]()
            for path in self._paths()[key]:
                found = list_servers(f"data/sources/{self.name}/{key}", path, self.patience)
                files += found.files
                left_out += found.left_out
            self._listed[key] = Listed(tuple(files), tuple(left_out))
        return self._listed[key]

    def _fetched(self) -> Files:
        """All files as local ones. Raises Failure."""
        if self._files is None:
            parts, number = {}, 0
            for key in self._paths():
                files, left_out = self._list(key)
                found = []
                for file in files:
                    number += 1
                    found.append(self._local(key, file, number) if isinstance(file, RemoteFile) else file)
                parts[key] = Listing(tuple(found), left_out, looked_through=True)
            self._files = Files(self.name, self.section, self.styles, parts["path"], parts.get("validation"))
        return self._files

    def _local(self, key: str, file: RemoteFile, number: int) -> File:
        """Fetch one file into a folder of its own."""
        from runner.files.network import Patience
        from runner.files.remote.fetch import fetch

        folder, address = self.folder / f"{number:05d}", file.address
        key = f"data/sources/{self.name}/{key}"
        path = asked(key, address, lambda: fetch(file, folder, self.patience or Patience()))
        facts = path.stat()
        return File(path.name, path, facts.st_size, facts.st_mtime_ns, facts.st_dev, facts.st_ino, linked=False)


def open_remote(name: str, section: Source, styles: Collection[str], root: str) -> RemoteFiles:
    """Return the files of `data/sources/<name>`, which nobody has asked for yet."""
    return RemoteFiles(name, section, tuple(styles), root)


def _noted(note: Path) -> str:
    try:
        return str(json.loads(note.read_bytes()))
    except (OSError, ValueError):
        return ""
