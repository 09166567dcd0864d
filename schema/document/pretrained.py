"""What is known of the model that `architecture/pretrained` names: its config.json decides keys that a spec leaves out.

Only config.json is read. A run keeps what it said in its record, for a folder that is gone when the run resumes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from schema.document.hub import hub_name, located
from schema.families import CONFIG_NAMES, ConfigError, architecture_of
from schema.text.diagnostic import Origin, Span
from schema.text.source import origin_of

CONFIG = "config.json"
RUN_FILES = ("run.json", "checkpoints", "manifest.json")  # one of which each run or checkpoint has
NOWHERE = Origin("", ())
EXPORT = "export"  # folder of a run, with merged/, adapter/ and base/
ANOTHER = "name the whole folder of another model"


class Recorded(NamedTuple):
    """What a run noted when it began: the architecture of the model that its spec names, by that name.

    `pins` are names of the hub as the spec writes them → with the commit that was meant; `local` are names of paths.
    """

    architectures: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    pins: Mapping[str, str] = MappingProxyType({})
    local: tuple[str, ...] = ()


class Pretrained(NamedTuple):
    """The model that a spec names: `keys` of architecture that its config.json decides, empty where it can't be used.

    `obstacle` says why it can't, `instead` what to name. `is_here` is False where the path does not exist and no run
    recorded it.
    """

    name: str
    keys: Mapping[str, Any] = MappingProxyType({})
    config: Origin = NOWHERE
    obstacle: str = ""
    instead: str = ANOTHER
    is_here: bool = True

    @property
    def is_recorded(self) -> bool:
        """Whether a run's record alone says its keys."""
        return bool(self.keys) and not self.config.lines

    def span(self, key: str) -> Span | None:
        """Where config.json decides a key of architecture: at its own word, else at model_type, whose class does."""
        for name in (*CONFIG_NAMES.get(key, ()), "model_type"):
            for number, line in enumerate(self.config.lines, start=1):
                if found := re.search(rf'"{name}"\s*:\s*[^\s,{{}}]*', line):
                    return Span(self.config, number, found.start() + 1, number, found.end() + 1)
        return None


def find_pretrained(written: Any, recorded: Recorded) -> Pretrained | None:
    """Return what is known of the model that a written `architecture` section names; None for a run, and for none.

    A run has no config.json: whoever loads its weights compares the architectures.
    """
    name = written.get("pretrained") if isinstance(written, dict) else None
    if not isinstance(name, str):
        return None
    path = located(name) / CONFIG
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if name in recorded.architectures:
            return Pretrained(name, recorded.architectures[name])
        place = located(name)
        if hub_name(name) or not place.exists():  # a part of a model of the hub may be in the cache
            return Pretrained(name, is_here=False)
        if name in recorded.local or _may_be_run(place):  # a run that began there needs it no more
            return None
        obstacle = f"'{name}' holds neither a run nor {CONFIG}"
        return Pretrained(name, obstacle=obstacle, instead=in_its_place(name))
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a name that no path has
        return Pretrained(name, obstacle=f"'{path}' can't be read: {getattr(error, 'strerror', None) or error}")
    config = origin_of(str(path), text)
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ConfigError("it holds no mapping")
        return Pretrained(name, architecture_of(values), config)
    except ConfigError as error:
        obstacle = f"'{path}' is of no model that can be trained here: {error}"
        return Pretrained(name, config=config, obstacle=obstacle, instead=in_its_place(name))
    except (ValueError, RecursionError) as error:
        return Pretrained(name, config=config, obstacle=f"'{path}' is no JSON: {error}")


def in_its_place(name: str) -> str:
    """Say what to name in place of a folder that is no model: of an export of a run, that run."""
    run = _run_of_export(Path(name))
    return f"name the run, {run}, in place of its export" if run else ANOTHER


def _run_of_export(named: Path) -> Path | None:
    """Return the run whose export lies at a path, or a part of it, written as the path is; None where none does."""
    shown = located(str(named)).absolute()
    for folder, run in ((shown, named / ".."), (shown.parent, named / ".." / "..")):
        if folder.name == EXPORT and (folder.parent / RUN_FILES[0]).is_file():
            return Path(os.path.normpath(run))
    return None


def _may_be_run(path: Path) -> bool:
    """Whether a path may be a run directory or a checkpoint; whoever loads its weights looks closer."""
    return path.parent.name == "checkpoints" or any((path / name).exists() for name in RUN_FILES)
