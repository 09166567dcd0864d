"""The spec files that a command line names, read and written: files, folders, patterns, `-` for standard input."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.commands.terminal import read_or_not
from runner.failure import ExitCode, Failure
from schema.lint import read_bytes
from schema.text.diagnostic import UnreadableSpec
from schema.text.source import MOST_BYTES

STDIN = "-"
SUFFIXES = (".yaml", ".yml")


def find_specs(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names that arguments stand for, each file once, and a complaint for each that stands for none.

    A folder stands for the .yaml and .yml files in it and below, hidden ones left out; a pattern for what matches.
    """
    names: dict[Path, str] = {}
    complaints: list[str] = []
    for argument in arguments:
        found = list(_expand(argument, complaints))
        for name in found:
            names.setdefault(Path(name).absolute(), name)
    return list(names.values()), complaints


def _expand(argument: str, complaints: list[str]) -> Iterator[str]:
    path = Path(argument)
    if argument == STDIN or not (path.is_dir() or glob.has_magic(argument)):
        yield argument
    elif path.is_dir():
        found = list(_below(path, complaints))
        if not found:
            complaints.append(f"there is no .yaml or .yml file in {argument}")
        yield from found
    elif path.exists():  # a file whose name holds a star
        yield argument
    else:
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207  a pattern may be absolute
        if not matches:
            complaints.append(f"no file matches {argument}")
        for match in matches:
            if Path(match).is_dir():
                yield from _below(Path(match), complaints)
            else:
                yield match


def _below(folder: Path, complaints: list[str]) -> Iterator[str]:
    """Specs in a folder and below, in the order of their names."""

    def unreadable(error: OSError) -> None:
        complaints.append(f"can't read {error.filename}: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield str(Path(place) / name)


def read_spec(name: str) -> bytes:
    """Read a spec, up to just beyond the size that is refused; raise UnreadableSpec."""
    if name != STDIN:
        return read_bytes(name)
    try:
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnreadableSpec(f"can't read standard input: {error.strerror or error}") from error


def pass_on(data: bytes) -> None:
    """Write a spec to standard output, and behind it what `read_spec` left of standard input."""
    from shutil import copyfileobj

    with read_or_not(sys.stdout):
        sys.stdout.buffer.write(data)
        copyfileobj(sys.stdin.buffer, sys.stdout.buffer)


def rewrite(name: str, data: bytes) -> None:
    """Replace what stands in a file, whole or not at all; its mode stays, and a link stays a link.

    Raises Failure STORAGE, with the file as it was.
    """
    from tempfile import NamedTemporaryFile

    try:
        path = Path(name).resolve()
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or not os.access(path, os.W_OK):
            raise Failure(f"can't write {name}: it is no file that may be written", ExitCode.STORAGE)
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            partial = Path(file.name)
            try:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
                os.fsync(file.fileno())
                partial.replace(path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise Failure(f"can't write {name}: {error.strerror or error}", ExitCode.STORAGE) from error
