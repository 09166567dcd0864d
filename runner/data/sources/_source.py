"""What a source of text is: its identity and its documents. Reading is the business of the other modules here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from runner.files.stamp import stamp_of

if TYPE_CHECKING:  # reading text needs no chat templates
    from runner.data.chat.conversation import Conversation


@dataclass(frozen=True, slots=True)
class Document:
    """One text: `prompt` is not supervised in PADDED rows, `completion` is; `where` is its file and line.

    `done` is how many of the source's `total` units have been read once this document was.
    """

    prompt: str
    completion: str
    where: str
    done: int


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation of a source; `where` and `done` are those of documents."""

    conversation: Conversation
    where: str
    done: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that a source left out, and why; it is counted and reported."""

    reason: str
    where: str
    done: int


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

    def fingerprint(self) -> str:
        """Identify the content: a digest over all files and over everything that changes what is made of them."""
        ...

    def stamp(self) -> str:
        """Identify the files without reading them: while the stamp is the same, so is the fingerprint."""
        ...

    def documents(self) -> Iterator[Document | Dialogue | Skipped]:
        """Read all documents, in order. Raises Failure (INVALID) on files that are unreadable or malformed."""
        ...


def fingerprint_files(files: Sequence[tuple[str, Path]], *recipe: str) -> str:
    """Digest files by name and content, in order, and the recipe that is applied to them. Raises OSError.

    Where the files lie does not count, so that a copy elsewhere has the same fingerprint.
    """
    digest = hashlib.sha256(repr(recipe).encode())
    for name, path in files:
        with path.open("rb") as handle:
            content = hashlib.file_digest(handle, "sha256").hexdigest()
        digest.update(f"\n{name}\0{content}".encode())
    return digest.hexdigest()


def stamp_files(files: Sequence[tuple[str, Path]], *recipe: str) -> str:
    """Digest where files lie, their sizes and times, and the recipe that is applied to them. Raises OSError."""
    digest = hashlib.sha256(repr(recipe).encode())
    for name, path in files:
        digest.update(f"\n{name}\0{path.absolute()}\0{stamp_of(path.stat())}".encode())
    return digest.hexdigest()
