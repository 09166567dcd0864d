"""pystdlib: the source text of the running interpreter's standard library, one document a .py file.

It is everywhere, it is free, and it is not tiny. Tests, installed packages and caches are left out; nothing is
imported or executed.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.data.sources._source import Document, Skipped, fingerprint_files, stamp_files
from runner.failure import ExitCode, Failure

LEFT_OUT = frozenset({"__pycache__", "dist-packages", "idle_test", "site-packages", "test", "tests"})


@dataclass(frozen=True, slots=True)
class PyStdlib:
    """Satisfies `runner.data.sources.DataSource`; units are files."""

    files: tuple[tuple[str, Path], ...]
    name: str = "pystdlib"

    @property
    def total(self) -> int:
        """Number of files."""
        return len(self.files)

    def fingerprints(self) -> tuple[str, ...]:
        """Digest all files. Raises Failure (INVALID) when one cannot be read."""
        return (identify_library(fingerprint_files, self.files, self.name, "1"),)

    def stamp(self) -> str:
        """Digest places, sizes and times of all files. Raises Failure (INVALID) when one cannot be found."""
        return identify_library(stamp_files, self.files, self.name, "1")

    @property
    def has_records(self) -> bool:
        """There are none."""
        return False

    def reading(self, first: tuple[str, ...]) -> dict[str, str]:
        """Return that a file is one text."""
        del first  # there are no records
        return {}

    def documents(self, start: int = 0) -> Iterator[Document | Skipped]:
        """Read the files in order, from one on; those that are no UTF-8 are skipped."""
        for done, (name, path) in enumerate(self.files[start:], start=start + 1):
            text = read_module(path)
            if text is None:
                yield Skipped("not UTF-8", name, done)
            else:
                yield Document("", text, name, done)


def open_source() -> PyStdlib:
    """List the library of the running interpreter."""
    return PyStdlib(library_files(Path(sysconfig.get_path("stdlib"))))


def library_files(root: Path) -> tuple[tuple[str, Path], ...]:
    """Return (relative POSIX path, path) of every module under `root`, sorted, tests and packages left out.

    Raises Failure (INVALID) when there is none, or a folder cannot be read.
    """
    found, unreadable = [], list[OSError]()
    for folder, folders, names in os.walk(root, onerror=unreadable.append):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        found += [Path(folder, name) for name in names if name.endswith(".py")]
    if not found:
        raise Failure(
            f"the Python standard library has no source text under '{root}'; datasets pystdlib and pydoc need it",
            ExitCode.INVALID,
        )
    if unreadable:
        raise Failure(f"the Python standard library cannot be read: {unreadable[0]}", ExitCode.INVALID)
    return tuple(sorted((path.relative_to(root).as_posix(), path) for path in found))


def identify_library(digest: Callable[..., str], files: tuple[tuple[str, Path], ...], *recipe: str) -> str:
    """Return the fingerprint or stamp of library files and a recipe. Raises Failure (INVALID) for one out of reach."""
    try:
        return digest(files, *recipe)
    except OSError as error:
        raise Failure(f"the Python standard library cannot be read: {error}", ExitCode.INVALID) from error


def read_module(path: Path) -> str | None:
    """Return the text of a module; None when it is no UTF-8. Raises Failure (INVALID) when it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None
    except OSError as error:
        raise Failure(f"the Python standard library cannot be read: {error}", ExitCode.INVALID) from error
