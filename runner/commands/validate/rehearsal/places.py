"""The folders that a run writes to: whether it could, found out without writing, in the words of `exec`."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from runner.data.stores.meta import store_folder
from runner.data.stores.prepare import unwritable_store
from runner.run.lock import held_by_another, is_locked, unlockable
from runner.run.record import unwritable_run_dir


def check_run_folder(run_dir: Path) -> None:
    """Raise Failure, STORAGE where a run can't write its folder, RESUME where another process runs there."""
    if reason := obstacle_below(run_dir):
        raise unlockable(run_dir, reason) if run_dir.is_dir() else unwritable_run_dir(run_dir, reason)
    if is_locked(run_dir):
        raise held_by_another(run_dir)


def check_store_folder(root: str, name: str, suffix: str) -> None:
    """Raise Failure STORAGE where the store of a dataset can't be made under `data/root`."""
    folder = store_folder(root, name, suffix)
    if reason := obstacle_below(folder.parent):
        raise unwritable_store(folder, reason)


def obstacle_below(folder: Path) -> str:
    """Say why nothing can be made in a folder, that is made first, in the words of the operating system."""
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
        if not there.is_dir():
            return os.strerror(errno.ENOTDIR)
        if os.access(there, os.W_OK | os.X_OK):
            return ""
        return os.strerror(errno.EROFS if os.statvfs(there).f_flag & os.ST_RDONLY else errno.EACCES)
    except OSError as error:
        return error.strerror or str(error)
