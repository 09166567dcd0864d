"""A file on another machine, as it was when somebody looked, and how it is read from a place on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple


class Stream(NamedTuple):
    """Bytes of a file from `start` on, which is 0 where its server can't begin elsewhere."""

    bytes: BinaryIO
    start: int


class RemoteFile(NamedTuple):
    """A file: its address, its size in bytes where that is known, and what changes when it changes.

    `open_at` opens it at a byte. `identity` is empty where the server says nothing that tells versions apart.
    """

    address: str
    bytes: int | None
    identity: str
    open_at: Callable[[int], AbstractContextManager[Stream]]


class ChangedError(Exception):
    """A file is not what it was when somebody looked."""


class MissingPackageError(Exception):
    """A protocol is read by a package that is not installed."""
