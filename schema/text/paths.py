"""What a path of a spec means."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def at_home(name: str | os.PathLike[str]) -> Path:
    """Return a path with `~` and `~user` as the home folders that they are; a user who is unknown stays as written."""
    return Path(os.path.expanduser(name))  # noqa: PTH111  (pathlib's own raises for an unknown user)


def listed(paths: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the paths that a key holds: none, one, or a list of them."""
    if paths is None:
        return ()
    return (paths,) if isinstance(paths, str) else tuple(paths)
