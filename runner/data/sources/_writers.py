"""Who is writing a file: what the kernel says of open files, where it says anything (Linux).

A file that a process holds open for writing is not finished: the log that this command's output is written to, a
download, a script that has not closed what it wrote.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROCESSES = Path("/proc")


class Writer(NamedTuple):
    """A process that has a file open for writing; `own` where it is this one."""

    path: Path
    process: int
    command: str
    own: bool


def find_writer(paths: Iterable[Path]) -> Writer | None:
    """Return a process that has one of these files open for writing; None where there is none, or nobody can say."""
    folder = cache(os.path.realpath)  # once for all files in it
    wanted = {
        os.path.realpath(path) if path.is_symlink() else f"{folder(path.parent).rstrip('/')}/{path.name}": path
        for path in paths
    }
    own = PROCESSES / str(os.getpid())
    for process in (own, *PROCESSES.glob("[0-9]*")):  # of several that write, this one explains most
        for handle in _handles(process):
            with suppress(OSError):  # it is closed by now: in this process, the one that listed them
                path = wanted.get(str(handle.readlink()))
                if path is not None and _writes(process, handle.name):
                    command = (process / "comm").read_text(errors="replace").strip()
                    return Writer(path, int(process.name), command, own=process == own)
    return None


def _handles(process: Path) -> list[Path]:
    """What a process has open; nothing where it has ended, or is another user's."""
    try:
        return [*(process / "fd").iterdir()]
    except OSError:
        return []


def _writes(process: Path, handle: str) -> bool:
    """Whether an open file may be written. Raises OSError."""
    for line in (process / "fdinfo" / handle).read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "flags":
            return int(value, 8) & os.O_ACCMODE != os.O_RDONLY
    return False
