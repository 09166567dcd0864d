"""The hidden folder in which a store is made: one process at a time, and the next one goes on where it was cut off.

The kernel releases the lock on it however a process ends. On a filesystem without locks each process has a folder of
its own, which is removed with what it holds unless the store is installed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.data.stores.kept import KEPT_FILE
from runner.data.stores.meta import META_FILE
from runner.data.stores.progress import PROGRESS_FILE
from runner.files.folder import begin, bring_back, hidden, withdrawn

LOCK = ".lock"
WITHOUT_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
PAUSE = 0.2  # seconds between looks at the lock of another process


@contextmanager
def making(folder: Path, wait: Callable[[], None]) -> Iterator[Path]:
    """Hold the folder in which the store in `folder` is made; where another process has it, say so by `wait`, and wait.

    Behind the block it is gone, unless its progress was noted and nothing but the process failed. Parents that had to
    be made go with it, as long as nothing else is in them. Raises OSError.
    """
    made = [parent for parent in folder.parents if not parent.exists()]
    partial = hidden(folder)
    try:
        handle = _acquire(partial, wait)
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            _remove_empty(made)
            raise
        with _unlocked(folder) as own:
            yield own
        return
    try:
        bring_back(folder)
        yield partial
    finally:
        _leave(partial, folder)
        os.close(handle)
        _remove_empty(made)


def is_kept(folder: Path) -> bool:
    """Whether there is something to go on from for the store in this folder."""
    return (hidden(folder) / PROGRESS_FILE).exists()


def discard(partial: Path) -> None:
    """Forget what was made in a folder so far; its lock stays. Raises OSError."""
    for path in partial.iterdir():
        if path.name != LOCK:
            path.unlink()


def sweep(folder: Path) -> None:
    """Remove what processes of this machine that are gone left beside a store, or in it. Never raises."""
    partial, prefix = hidden(folder), f"{hidden(folder).name}-{socket.gethostname()}-"
    if not folder.parent.is_dir():
        return
    with suppress(OSError):
        if (folder / META_FILE).exists() and not partial.exists():  # which is looked at last: nobody is between renames
            if (old := withdrawn(partial)).exists():
                shutil.rmtree(old, ignore_errors=True)
            for name in (PROGRESS_FILE, KEPT_FILE, LOCK):
                (folder / name).unlink(missing_ok=True)
    for path in folder.parent.iterdir():
        process = path.name.removeprefix(prefix).removesuffix("-old")
        if path.name.startswith(prefix) and process.isdigit() and not _runs_elsewhere(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def _acquire(partial: Path, wait: Callable[[], None]) -> int:
    """Make the folder where it is missing, and lock it. Raises OSError."""
    waited = False
    while True:
        partial.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(partial / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:  # its holder has just installed it
            continue
        held = False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):  # its holder has installed what it made, and this is no lock any more
                held = os.path.samestat(os.fstat(handle), (partial / LOCK).stat())
            if held:
                return handle
        except BlockingIOError:
            if not waited:
                wait()
            waited = True
            time.sleep(PAUSE)
        finally:
            if not held:
                os.close(handle)


def _leave(partial: Path, folder: Path) -> None:
    """Keep what a later process can go on from; where the folder has become the store, take the lock out of it."""
    if not (partial / PROGRESS_FILE).exists():
        shutil.rmtree(partial, ignore_errors=True)
    if not partial.exists():
        sweep(folder)


@contextmanager
def _unlocked(folder: Path) -> Iterator[Path]:
    """A fresh folder of this process alone; removed when it was not installed. Raises OSError."""
    partial = hidden(folder, f"-{socket.gethostname()}-{os.getpid()}")
    try:
        begin(partial)  # a signal may come as soon as it is there
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _remove_empty(made: list[Path]) -> None:
    with suppress(OSError):  # it holds a store
        for parent in made:
            parent.rmdir()


def _runs_elsewhere(process: int) -> bool:
    """Whether another process has this id. In a container, a restarted job often has the id of the dead one."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
