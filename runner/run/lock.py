"""One process at a time on a run directory.

The kernel releases the lock however the process ends; the file is removed at every end but a kill. On NFS, Linux
turns this lock into one that the server keeps, which ends with the client's process too.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.failure import ExitCode, Failure

LOCK = ".lock"
TRIES, PAUSE = 5, 0.05  # seconds; whoever asks whether a run is running holds the lock for a moment


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Hold the lock of a run directory.

    Raises Failure RESUME, naming the holder, when another process has it; STORAGE when it cannot be made.
    """
    path = run_dir / LOCK
    try:
        handle = _acquire(path)
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            reason = "this filesystem has no locks, so that two runs could write there at once; use another"
        else:
            reason = error.strerror or str(error)
        raise unlockable(run_dir, reason) from error
    try:
        os.truncate(handle, 0)
        os.pwrite(handle, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held, so that it is nobody else's
        os.close(handle)


def _acquire(path: Path) -> int:
    """Open and lock the file that has this name now: one that its last holder has removed is no lock any more."""
    for attempt in range(TRIES):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError as error:
            if attempt == TRIES - 1:
                held = held_by_another(path.parent)
                os.close(handle)
                raise held from error
            time.sleep(PAUSE)
        except OSError:
            os.close(handle)
            raise
        os.close(handle)
    raise OSError(errno.EAGAIN, "it is made and removed again and again")


def unlockable(run_dir: Path, reason: str) -> Failure:
    """Return the refusal of a run directory that can't be locked."""
    return Failure(f"cannot lock {run_dir / LOCK}: {reason}", ExitCode.STORAGE)


def held_by_another(run_dir: Path) -> Failure:
    """Return the refusal of a run directory that another process has, naming it where it said who it is."""
    try:
        with (run_dir / LOCK).open("rb") as file:
            holder = file.read(200).decode(errors="replace").strip()
    except OSError:  # it has just ended
        holder = ""
    return Failure(
        f"{run_dir} is being run by another process ({holder or 'unknown'}); wait for it, or stop it first",
        ExitCode.RESUME,
    )


def is_locked(run_dir: Path) -> bool:
    """Whether a process runs in this directory now. Nothing is written."""
    try:
        handle = os.open(run_dir / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
