"""Which files a source reads: every entry that its path names is read, refused, or left out by name with a reason.

A file, a folder and a pattern follow one rule: a folder is the pattern `**/*` below it. Links are followed, those to
folders too. What can't be looked at is refused, for data that is half there looks like data.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from runner.data.sources._marks import DESCRIPTIONS, ENVIRONMENT, RUN, SPLITS, marked, refuse_splits, saved_files
from runner.data.sources._source import printable
from schema.document.file_kinds import kind_of

WILD = frozenset("*?[")
OTHER_FORMAT = "of another format"
BESIDE_SAVED, CARD = "beside the files of a saved dataset", "describing the files beside it"
CARD_NAME = "readme.md"


class Found(NamedTuple):
    """A file: its POSIX name below the folder that was looked through, and its size and time when it was listed."""

    name: str
    path: Path
    bytes: int
    mtime_ns: int
    device: int
    inode: int
    linked: bool


class Listing(NamedTuple):
    """The files that are read, by name, and (reason, name) of each entry that is left out.

    `looked_through` says whether the path was a folder or a pattern.
    """

    files: tuple[Found, ...]
    left_out: tuple[tuple[str, str], ...]
    looked_through: bool


def list_files(path: Path) -> Listing | None:
    """List the files that a path names; None where it does not exist.

    Raises OSError for what can't be looked at, and ValueError for links to nowhere, for the folders of runs, stores and
    models, for pipes and devices, and for patterns that are none.
    """
    facts = _stat(path)
    if facts is not None and not stat.S_ISDIR(facts.st_mode):
        if not stat.S_ISREG(facts.st_mode):  # a pipe is read once, and a run reads twice
            raise ValueError("it is no regular file; save its text in one")
        above = marked(path.absolute().parent)
        if above and above.by == RUN:
            raise ValueError(f"it lies in the folder of a run, by its {RUN}; name files that are no run's own")
        files, left_out = _sorted_out([_found(path.name, path, facts, linked=False)])
        return Listing(files, left_out, looked_through=False)
    parts = path.parts
    first = next((index for index, part in enumerate(parts) if WILD & set(part)), len(parts))
    if facts is None:
        if first == len(parts):
            return None
        facts = _stat(path := Path(*parts[:first]))
    if facts is None or not stat.S_ISDIR(facts.st_mode):
        return None
    pattern, mark = _pattern(parts[first:]), marked(path)
    if mark and not (mark.kind == ENVIRONMENT and len(pattern) == 1):  # which a project's own folder may be
        raise ValueError(f"{mark.by} marks it as {mark.kind}, whose files are no text; name the files of your text")
    walk = _Walk(path, pattern)
    walk.run(facts)
    files, left_out = _sorted_out(_without_card(walk))
    return Listing(files, tuple(sorted((*walk.left_out, *left_out))), looked_through=True)


def _pattern(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The parts of a pattern, of which none means a folder: all that lies below it."""
    for part in parts:
        if "**" in part and part != "**":  # Pythons differ in what they read it as
            raise ValueError("'**' stands alone between two slashes")
        if part == "..":
            raise ValueError("'..' stands before the first of * ? [")
    if not parts:
        return "**", "*"
    return (*parts, "*") if parts[-1] == "**" else parts


def _stat(path: Path) -> os.stat_result | None:
    """Facts of what lies at a path; None where nothing does. Raises ValueError for a link to nowhere, OSError."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise _broken(path, errno.ENOENT) from None
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _broken(path, errno.ELOOP) from error
        raise


def _broken(path: Path, number: int) -> ValueError:
    if number == errno.ELOOP:
        return ValueError(f"'{printable(path)}' is a link that leads back to itself; remove it")
    link = f"'{printable(path)}' is a link to '{printable(path.readlink())}'"
    return ValueError(f"{link}, which is not there; bring that back, or remove the link")


def _found(name: str, path: Path, facts: os.stat_result, *, linked: bool) -> Found:
    return Found(name, path, facts.st_size, facts.st_mtime_ns, facts.st_dev, facts.st_ino, linked)


def _sorted_out(found: list[Found]) -> tuple[tuple[Found, ...], tuple[tuple[str, str], ...]]:
    """Part the files that are read, by name, from those of other formats and those that links lead to a second time."""
    files, left_out = [], []
    read = {(file.device, file.inode) for file in found if not file.linked and kind_of(file.path.name)}
    for file in sorted(found):
        if not kind_of(file.path.name):
            left_out.append((OTHER_FORMAT, file.name))
        elif file.linked and (file.device, file.inode) in read:
            left_out.append(("linked to a file that is read already", file.name))
        else:
            files.append(file)
            read.add((file.device, file.inode))
    return tuple(files), tuple(left_out)


def _without_card(walk: _Walk) -> list[Found]:
    """The files that a walk found, but for a README.md beside files of other kinds alone: it is about them."""
    cards = [file for file in walk.files if file.path.name.casefold() == CARD_NAME]
    others = [file for file in walk.files if file.path.name.casefold() != CARD_NAME]
    kinds = {kind.kind for file in others if (kind := kind_of(file.name))}
    if not cards or not kinds or ".md" in kinds:
        return walk.files
    walk.left_out += [(CARD, file.name) for file in cards]
    return others


class _Folder(NamedTuple):
    """A folder to look through, and the parts of the pattern that its entries may match next."""

    name: str
    path: Path
    states: frozenset[int]
    linked: bool


@dataclass(slots=True)
class _Walk:
    """Looks through a folder: what lies in it before what links lead to, so that nothing is met twice."""

    base: Path
    pattern: tuple[str, ...]
    files: list[Found] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    _links: list[tuple[_Folder, os.stat_result]] = field(default_factory=list)
    _met: set[tuple[int, int, frozenset[int]]] = field(default_factory=set)

    def run(self, facts: os.stat_result) -> None:
        """Find all files. Raises OSError, and ValueError for links to nowhere."""
        first = self._closed({0})
        self._met.add((facts.st_dev, facts.st_ino, first))
        self._descend(_Folder("", self.base, first, linked=False))
        above = {os.path.realpath(each) for each in (self.base.absolute(), *self.base.absolute().parents)}
        while self._links:
            self._links.sort(reverse=True)
            folder, facts = self._links.pop()
            if os.path.realpath(folder.path) in above:
                self.left_out.append(("linked to a folder above", folder.name))
            elif self._is_new(folder, facts):
                self._descend(folder)

    def _descend(self, folder: _Folder) -> None:
        todo = [folder]  # a stack: no depth of folders exhausts it
        while todo:
            todo += self._look(todo.pop())

    def _look(self, folder: _Folder) -> Iterator[_Folder]:
        """Sort the entries of a folder, and yield the folders among them that are not links."""
        with os.scandir(folder.path) as found:
            entries = list(found)
        names = {entry.name for entry in entries}
        mark = marked(folder.path, names.__contains__)
        if mark and folder.name:
            self.left_out.append((f"marked as {mark.kind} by {mark.by}", folder.name))
            return
        if SPLITS in names and "**" in (self.pattern[state] for state in folder.states if state < len(self.pattern)):
            refuse_splits(folder.path)
        saved = saved_files(folder.path, names)
        for entry in entries:
            states = self._next(folder.states, entry.name)
            name = f"{folder.name}/{entry.name}" if folder.name else entry.name
            if not states or self._is_hidden(folder, entry, name, states):
                continue
            is_beside = kind_of(entry.name) and saved is not None and entry.name not in saved
            if is_beside or entry.name in DESCRIPTIONS:
                self.left_out.append((BESIDE_SAVED, name))
                continue
            named, deeper = len(self.pattern) in states, states - {len(self.pattern)}
            if not named and entry.is_file(follow_symlinks=False):
                continue
            facts = self._facts(entry, name, named=named)
            if facts is None:
                continue
            inner = _Folder(name, folder.path / entry.name, frozenset(deeper), folder.linked or entry.is_symlink())
            if not stat.S_ISDIR(facts.st_mode):
                self._take(inner, facts, named=named)
            elif not deeper:
                self.left_out.append(("not entered by the pattern", name))
            elif entry.is_symlink():
                self._links.append((inner, facts))
            elif self._is_new(inner, facts):
                yield inner

    def _is_hidden(self, folder: _Folder, entry: os.DirEntry[str], name: str, states: frozenset[int]) -> bool:
        """Whether an entry begins with a dot, and no part of the pattern does."""
        if not entry.name.startswith(".") or any(
            self.pattern[state].startswith(".") and fnmatchcase(entry.name, self.pattern[state])
            for state in folder.states
            if state < len(self.pattern)
        ):
            return False
        if len(self.pattern) in states or Path(entry.path).is_dir():
            self.left_out.append(("hidden", name))
        return True

    def _facts(self, entry: os.DirEntry[str], name: str, *, named: bool) -> os.stat_result | None:
        """Facts of an entry, or of what it links to; None for a link to nowhere that names another format."""
        try:
            return entry.stat()
        except OSError as error:
            if not entry.is_symlink() or error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise
            suffix = Path(entry.name).suffix
            if not suffix or (named and kind_of(entry.name)):  # without one, it may have been a folder
                raise _broken(Path(entry.path), error.errno) from error
            if named:
                self.left_out.append((OTHER_FORMAT, name))
            return None

    def _take(self, entry: _Folder, facts: os.stat_result, *, named: bool) -> None:
        if named and stat.S_ISREG(facts.st_mode):
            self.files.append(_found(entry.name, entry.path, facts, linked=entry.linked))
        elif named:
            self.left_out.append(("no regular file", entry.name))

    def _is_new(self, folder: _Folder, facts: os.stat_result) -> bool:
        """Whether a folder has not been looked through for the same parts of the pattern."""
        key = facts.st_dev, facts.st_ino, folder.states
        if key in self._met:
            self.left_out.append(("linked to a folder that is read already", folder.name))
            return False
        self._met.add(key)
        return True

    def _next(self, states: frozenset[int], name: str) -> frozenset[int]:
        """The parts that may match below an entry, where its name matches one of these; the number of parts: a file."""
        found = set()
        for state in states:
            if state < len(self.pattern) and self.pattern[state] == "**":
                found.add(state)
            elif state < len(self.pattern) and fnmatchcase(name, self.pattern[state]):
                found.add(state + 1)
        return self._closed(found)

    def _closed(self, states: set[int]) -> frozenset[int]:
        """Add what follows each `**`, which may also stand for no folder."""
        found = set(states)
        for state in sorted(states):
            while state < len(self.pattern) and self.pattern[state] == "**":
                state += 1
                found.add(state)
        return frozenset(found)
