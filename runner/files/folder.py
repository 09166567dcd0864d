"""One protocol for every folder that appears at once: written under a hidden name, sealed, named, its parent synced.

Checkpoints, the frozen base, exports and token stores follow it. What a process that died left under a hidden name
never had another one, and is removed.
"""

from __future__ import annotations

import os
import shutil
from itertools import chain, count
from pathlib import Path

from runner.files.atomic import sync
from runner.files.errors import storage_failures

PARTIAL = ".partial-"  # begins a hidden name
DAMAGED = "damaged"  # folder of what can't be trusted, and is kept


def hidden(folder: Path, owner: str = "") -> Path:
    """The name under which a folder is written; `owner` keeps apart processes that may write it at once."""
    return folder.with_name(f"{PARTIAL}{folder.name}{owner}")


def begin(partial: Path) -> None:
    """Make a hidden folder afresh. Raises OSError."""
    _clear(partial)
    partial.mkdir(parents=True)


def commit(partial: Path, folder: Path) -> None:
    """Give a hidden folder, which is whole and on the disk, its name; an older one goes when the new one is there.

    Where that fails, the older one has its name again. Raises OSError.
    """
    old = withdrawn(partial)
    if folder.exists():
        _clear(old)
        folder.rename(old)
    try:
        partial.rename(folder)
        sync(folder.parent)
    finally:
        bring_back(folder, old)
        shutil.rmtree(old, ignore_errors=True)


def bring_back(folder: Path, old: Path | None = None) -> None:
    """Name a folder again whose process died between the two renames of `commit`. Raises OSError."""
    old = old or withdrawn(hidden(folder))
    if old.exists() and not folder.exists():
        old.rename(folder)


def withdraw(folder: Path) -> None:
    """Remove a folder, which loses its name before its content. Raises OSError."""
    remove(folder.rename(withdrawn(hidden(folder))))


def _clear(place: Path) -> None:
    """Remove what a process that died left there."""
    if place.exists():
        shutil.rmtree(place)


def withdrawn(partial: Path) -> Path:
    """The hidden name of a folder that is about to be replaced, or removed."""
    return partial.with_name(f"{partial.name}-old")


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
    else:
        shutil.rmtree(path)


def set_aside(folder: Path, run_dir: Path) -> Path:
    """Move a damaged folder to `damaged`, where nothing looks for checkpoints and nothing is ever deleted.

    Returns its new place. Raises Failure STORAGE.
    """
    aside = run_dir / DAMAGED
    with storage_failures(folder, "move"):
        aside.mkdir(exist_ok=True)
        names = chain([folder.name], (f"{folder.name}-{number}" for number in count(2)))
        return folder.rename(next(aside / name for name in names if not os.path.lexists(aside / name)))


def bytes_below(folder: Path) -> int:
    """Bytes of all files in a folder and below; none where there is no folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
