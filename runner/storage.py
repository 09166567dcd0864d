"""What a disk does to a run, in one sentence with exit code 74; what was half written goes, and gives its room back."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path

import jax

from runner.failure import ExitCode, Failure
from runner.seal import Damaged

PARTIAL = ".partial-"  # begins the name of what is being written
DAMAGED = "damaged"  # folder of what can't be trusted, and is kept


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


@contextmanager
def storage_failures(folder: Path, verb: str) -> Iterator[None]:
    """Turn what storage raises into one sentence; orbax wraps errors in types of its own."""
    try:
        yield
    except (Failure, jax.errors.JaxRuntimeError):  # a device that is full has damaged no file
        raise
    except (OSError, ValueError, KeyError, RuntimeError, Damaged) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().split("\n")[0].split(" [tensorstore_spec")[0]
        raise Failure(f"cannot {verb} {folder}: {reason}", ExitCode.STORAGE) from error


@contextmanager
def disk_failures(run_dir: Path) -> Iterator[None]:
    """Turn a failing disk, wherever in a run it shows, into one sentence."""
    try:
        yield
    except OSError as error:
        where = error.filename or run_dir
        raise Failure(f"cannot write {where}: {error.strerror or error}", ExitCode.STORAGE) from error


def _is_full(failure: Failure) -> bool:
    """Whether a disk that is full, or a quota, is behind a failure; tensorstore tells it in words only."""
    error: BaseException | None = failure
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
            return True
        error = error.__cause__
    return False
