"""Models and datasets of the Hugging Face hub: how specs name them, and where its cache keeps them. No network here.

The layout of the cache is documented by huggingface_hub: models--OWNER--NAME/refs/REVISION holds a commit, and
snapshots/COMMIT the files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from schema.text.paths import at_home

NAME = re.compile(r"(?P<model>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>\w[\w.-]*(?:/\w[\w.-]*)*))?")
COMMIT = re.compile(r"[0-9a-f]{40}")
MAIN = "main"


class HubName(NamedTuple):
    """A model or a dataset of the hub, at a branch, a tag or a commit."""

    model: str  # owner/name
    revision: str = MAIN

    @property
    def is_pinned(self) -> bool:
        """Whether it names a commit, which is the same for ever."""
        return COMMIT.fullmatch(self.revision) is not None

    def at(self, commit: str) -> str:
        """The name of this one at a commit, as a spec would write it."""
        return f"{self.model}@{commit}"

    @property
    def command(self) -> str:
        """What brings the whole model into the cache."""
        return f"hf download {self.model}" + (f" --revision {self.revision}" if self.revision != MAIN else "")


def hub_name(name: str) -> HubName | None:
    """Read OWNER/NAME or OWNER/NAME@REVISION; None for a path that exists, and for what is written as no such name."""
    return None if os.path.lexists(name) else written_name(name)


def written_name(name: str) -> HubName | None:
    """Read OWNER/NAME or OWNER/NAME@REVISION, whatever lies at that path; None for what is written otherwise."""
    found = NAME.fullmatch(name)
    return HubName(found["model"], found["revision"] or MAIN) if found else None


def cached_snapshot(name: HubName, kind: str = "models") -> Path | None:
    """Return the folder of a model, or of `datasets`, in the cache, whole or not; None where it has none."""
    folder = cache_folder() / f"{kind}--{name.model.replace('/', '--')}"
    commit = name.revision
    try:
        if not name.is_pinned:
            commit = (folder / "refs" / name.revision).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    snapshot = folder / "snapshots" / commit
    return snapshot if COMMIT.fullmatch(commit) and snapshot.is_dir() else None


def located(name: str) -> Path:
    """Return where the files of a name lie: at the path that it is, or in the cache of the hub; that path, if nowhere.

    A path that exists always comes before a model of the hub. `~` is the home folder.
    """
    found = hub_name(name)
    return (cached_snapshot(found) if found else None) or at_home(name)


def cache_folder() -> Path:
    """Return the folder of the cache, as the hub's environment variables name it."""
    variables = os.environ
    cache = variables.get("HF_HUB_CACHE", variables.get("HUGGINGFACE_HUB_CACHE", str(_home() / "hub")))
    return at_home(os.path.expandvars(cache))


def datasets_cache() -> Path:
    """Return the folder where `datasets` keeps sets that were loaded whole, OWNER___NAME, as its variables name it."""
    return at_home(os.path.expandvars(os.environ.get("HF_DATASETS_CACHE", str(_home() / "datasets"))))


def _home() -> Path:
    return Path(os.environ.get("HF_HOME", str(Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface")))
