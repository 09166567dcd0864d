"""The files that a key of a source names, by one path or by several, in their order; or why there are none."""

from __future__ import annotations

from collections.abc import Sequence

from runner.data.sources._listing import Found, Listing, list_files
from runner.data.sources._source import LeftOut, counted, printable
from runner.failure import ExitCode, Failure
from schema.document.file_kinds import ANY_KIND
from schema.text.paths import at_home

NAMED_BEFORE = "named by an earlier path already"


def list_paths(key: str, paths: Sequence[str]) -> Listing:
    """List the files of all paths in the order in which they are written, each file once.

    Raises Failure INVALID for a path that names none, and for what can't be read.
    """
    if len(paths) == 1:
        return _list_path(key, paths[0])
    files, left_out = list[Found](), list[tuple[str, str]]()
    met = set[tuple[int, int]]()
    for number, path in enumerate(paths):
        listing = _list_path(f"{key}[{number}]", path)
        left_out += listing.left_out
        for file in listing.files:
            if (file.device, file.inode) in met:
                left_out.append((NAMED_BEFORE, file.name))
            else:
                files.append(file)
                met.add((file.device, file.inode))
    return Listing(tuple(files), tuple(left_out), looked_through=True)


def unreadable(key: str, error: OSError) -> Failure:
    """The refusal of a file or folder that can't be read."""
    where = f"{printable(error.filename)}: " if error.filename else ""
    return Failure(f"{key}: {where}{error.strerror or error}", ExitCode.INVALID)


def _list_path(key: str, path: str) -> Listing:
    try:
        listing = list_files(at_home(path))
    except OSError as error:
        raise unreadable(key, error) from error
    except ValueError as error:
        raise Failure(f"{key}: '{path}' can't be read: {error}", ExitCode.INVALID) from error
    if listing is None:
        braces = "; braces stand for themselves: write a source for each, or * ? [ ]" if "{" in path else ""
        raise Failure(f"{key}: '{path}' does not exist{braces}", ExitCode.INVALID)
    if not listing.files:
        found = LeftOut()
        for reason, entry in listing.left_out:
            found.add(reason, entry)
        beside = f": left out are {counted(found.counts())}" if listing.looked_through and listing.left_out else ""
        raise Failure(f"{key}: '{path}' names no {ANY_KIND}{beside}", ExitCode.INVALID)
    return listing
