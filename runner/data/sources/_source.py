"""What a source of text is: its identity and its documents. Reading is the business of the other modules here."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from runner.files.stamp import stamp_of
from schema.environment import Fields

if TYPE_CHECKING:  # reading text needs no chat templates
    from runner.data.chat.conversation import Conversation

MOST_NAMES = 3  # of what was left out for one reason
PIECE_CHARACTERS = 2**18  # of a text that is longer, a source yields pieces of about so many


@dataclass(frozen=True, slots=True)
class Document:
    """One text: `prompt` is not supervised in PADDED rows, `completion` is; `where` is its file and line.

    `done` is how many of the source's `total` units have been read once this document was. `split` is that of its file,
    train or val, where the spec names files to validate on; None leaves it to the content.
    """

    prompt: str
    completion: str
    where: str
    done: int
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one text that is too long to be held whole; `where`, `done` and `split` are those of documents.

    Pieces of a text follow each other, cut anywhere between two characters; `is_last` says that the text ends. They
    become one document, supervised as a whole.
    """

    text: str
    where: str
    done: int
    is_last: bool
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation of a source; `where`, `done` and `split` are those of documents."""

    conversation: Conversation
    where: str
    done: int
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt: each side is the prompt with one of them, both of one kind.

    Of conversations, the answers within the prompt have weight 0. `where`, `done` and `split` are those of documents.
    """

    chosen: Document | Dialogue
    rejected: Document | Dialogue
    where: str
    done: int
    split: str | None = None


Example = Document | Dialogue | Pair  # what a text or a record becomes


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that a source left out, and why; it is counted and reported."""

    reason: str
    where: str
    done: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the records of a source hold, said behind the last of them; `done` is the source's `total`."""

    fields: Fields
    done: int


Entry = Example | Piece | Skipped | Found  # what a source yields


class DataSource(Protocol):
    """Documents, or conversations, in an order that depends on nothing but their files."""

    @property
    def name(self) -> str:
        """Name of the dataset."""
        ...

    @property
    def total(self) -> int:
        """Units (files or bytes) that `done` of the documents counts up to."""
        ...

    def fingerprints(self) -> tuple[str, ...]:
        """Identify the content: a digest over all files and over what the spec says of them.

        Behind it stand those that older versions of lorarun gave the same content.
        """
        ...

    def stamp(self) -> str:
        """Identify the files without reading them: while the stamp is the same, so is the fingerprint."""
        ...

    @property
    def has_records(self) -> bool:
        """Whether documents are made of fields of records."""
        ...

    def reading(self, first: tuple[str, ...]) -> Mapping[str, str]:
        """Return which field is read as what where the first record has these fields; without any there are no records.

        Raises ValueError where such a record can't be read.
        """
        ...

    def documents(self, start: int = 0) -> Iterator[Entry]:
        """Read all documents, in order, and say last what was found beside them, where they stand in records.

        A text of more than PIECE_CHARACTERS may come in pieces. The first `start` entries, whatever they are, are left
        out; those behind them are what they would be otherwise, and so is what was found.
        Raises Failure (INVALID) on files that are unreadable or malformed.
        """
        ...


class LeftOut:
    """Counts what was left out by reason, and keeps the first names of each; `state` is that of another one."""

    def __init__(self, state: Mapping[str, tuple[int, Sequence[str]]] = MappingProxyType({})) -> None:
        self._found = {reason: list(names) for reason, (_, names) in state.items()}
        self._entries = Counter({reason: entries for reason, (entries, _) in state.items()})

    @property
    def state(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """How many entries were left out by reason, and the names of the first."""
        return {reason: (entries, tuple(self._found[reason])) for reason, entries in self._entries.items()}

    def add(self, reason: str, name: str) -> None:
        """Count one entry."""
        self._entries[reason] += 1
        if self._entries[reason] <= MOST_NAMES:
            self._found.setdefault(reason, []).append(printable(name))

    @property
    def total(self) -> int:
        """How many entries were left out."""
        return self._entries.total()

    def counts(self) -> dict[str, int]:
        """How many entries were left out by reason, which the names of the first stand behind."""
        return {
            f"{reason} ({', '.join(self._found[reason])}{', …' if entries > MOST_NAMES else ''})": entries
            for reason, entries in sorted(self._entries.items())
        }


def counted(left_out: Mapping[str, int]) -> str:
    """Say how many entries were left out for which reason."""
    return ", ".join(f"{entries} {reason}" for reason, entries in sorted(left_out.items()))


def printable(name: str | os.PathLike[str]) -> str:
    """Return a file's name with what is no text in it escaped."""
    return os.fspath(name).encode(errors="backslashreplace").decode()


def fingerprint_files(files: Sequence[tuple[str, Path]], *recipe: str) -> str:
    """Digest files by name and content, in order, and the recipe that is applied to them. Raises OSError.

    Where the files lie does not count, so that a copy elsewhere has the same fingerprint.
    """
    return combined([(name, file_digest(path)) for name, path in files], *recipe)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file. Raises OSError."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def combined(contents: Iterable[tuple[str, str]], *recipe: str) -> str:
    """Digest (name, digest of the content) of each file, in order, and the recipe that is applied to them."""
    digest = hashlib.sha256(repr(recipe).encode())
    for name, content in contents:
        digest.update(f"\n{name}\0{content}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def former_names(name: str, path: Path) -> tuple[str, ...]:
    """How an older version named a file: below its folder, or by its path as a pattern may have been written."""
    return name, path.as_posix(), Path(os.path.relpath(path)).as_posix(), path.absolute().as_posix()


def stamp_files(files: Sequence[tuple[str, Path]], *recipe: str) -> str:
    """Digest where files lie, their sizes and times, and the recipe that is applied to them. Raises OSError."""
    digest = hashlib.sha256(repr(recipe).encode())
    for name, path in files:
        line = f"\n{name}\0{path.absolute()}\0{stamp_of(path.stat())}"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()
