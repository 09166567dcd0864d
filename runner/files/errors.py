"""Turns storage errors into one sentence with exit code 74, and removes partial writes."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.failure import ExitCode, Failure
from runner.files.seal import Damaged


@contextmanager
def saving(partial: Path, what: str, size: int) -> Iterator[None]:
    """Turn a failure to write `what`, of about `size` bytes, into one sentence, and remove the part of it.

    Raises Failure STORAGE.
    """
    folder = partial.parent
    try:
        with storage_failures(folder, "save to"):
            yield
    except Failure as failure:
        full = _is_full(failure)
        free = shutil.disk_usage(folder).free if full else 0
        shutil.rmtree(partial, ignore_errors=True)
        if full:
            raise Failure(
                f"cannot save to {folder}: the disk is full: {what} takes about {size:,} bytes, and {free:,} are free; "
                "earlier checkpoints are kept: make room and run the same command again",
                ExitCode.STORAGE,
            ) from failure
        raise


@contextmanager
def storage_failures(folder: Path, verb: str) -> Iterator[None]:
    """Turn what storage raises into one sentence; orbax wraps errors in types of its own."""
    try:
        yield
    except Failure:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, Damaged) as error:
        if _is_of_a_device(error):
            raise
        reason = getattr(error, "strerror", None) or str(error).strip().split("\n")[0].split(" [tensorstore_spec")[0]
        raise Failure(f"cannot {verb} {folder}: {reason}", ExitCode.STORAGE) from error


def _is_of_a_device(error: Exception) -> bool:
    """Whether a device raised an error: one that is full has damaged no file. Loads jax only where one may have."""
    if not isinstance(error, RuntimeError):
        return False
    from jax.errors import JaxRuntimeError

    return isinstance(error, JaxRuntimeError)


@contextmanager
def disk_failures(run_dir: Path) -> Iterator[None]:
    """Turn a failing disk, wherever in a run it shows, into one sentence."""
    try:
        yield
    except OSError as error:
        where = error.filename or run_dir
        raise Failure(f"cannot write {where}: {error.strerror or error}", ExitCode.STORAGE) from error


def _is_full(failure: Failure) -> bool:
    """Whether a disk that is full, or a quota, is behind a failure; tensorstore says so in words only."""
    error: BaseException | None = failure
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
            return True
        error = error.__cause__
    return False
