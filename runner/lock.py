"""One process at a time on a run directory. The kernel lets go of the lock however the process ends."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.failure import ExitCode, Failure


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Hold the lock of a run directory.

    Raises Failure RESUME, naming the holder, when another process has it; STORAGE when it cannot be made.
    """
    try:
        handle = os.open(run_dir / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Failure(f"cannot write {run_dir / '.lock'}: {error.strerror}", ExitCode.STORAGE) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 200).decode(errors="replace").strip()
            raise Failure(
                f"{run_dir} is being run by another process ({holder or 'unknown'}); wait for it, or stop it first",
                ExitCode.RESUME,
            ) from error
        os.truncate(handle, 0)
        os.pwrite(handle, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def is_locked(run_dir: Path) -> bool:
    """Whether a process runs in this directory now. Nothing is written."""
    try:
        handle = os.open(run_dir / ".lock", os.O_RDONLY | os.O_CLOEXEC)
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
