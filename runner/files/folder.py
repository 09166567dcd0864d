"""Folders that are hidden while they are written, replaced, or set aside."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

from runner.files.errors import storage_failures

PARTIAL = ".partial-"  # begins the name of what is being written
DAMAGED = "damaged"  # folder of what can't be trusted, and is kept


def remove(path: Path) -> None:
    """Remove a folder with all that is in it; of a link, nothing but the link. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
    else:
        shutil.rmtree(path)


def set_aside(folder: Path, run_dir: Path) -> Path:
    """Move a damaged folder to `damaged`, where nothing looks for checkpoints and nothing is ever deleted.

    Returns its new place, which is beside the folder where that lies on another disk than its run. Raises Failure
    STORAGE.
    """
    with storage_failures(folder, "move"):
        try:
            return _moved(folder, run_dir / DAMAGED)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with suppress(OSError):  # others may lie there
                (run_dir / DAMAGED).rmdir()
            return _moved(folder, folder.parent / DAMAGED)


def _moved(folder: Path, aside: Path) -> Path:
    aside.mkdir(exist_ok=True)
    names = chain([folder.name], (f"{folder.name}-{number}" for number in count(2)))
    return folder.rename(next(aside / name for name in names if not os.path.lexists(aside / name)))


def replaced(folder: Path) -> Path:
    """The hidden name of a folder that is being replaced."""
    return folder.with_name(f"{PARTIAL}{folder.name}-old")


def bring_back(folder: Path) -> None:
    """Give a folder its name again where the new one in its place did not come. Raises OSError."""
    if replaced(folder).exists() and not folder.exists():
        replaced(folder).rename(folder)
