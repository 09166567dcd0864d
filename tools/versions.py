"""The environments at both ends of pyproject.toml's ranges: each direct dependency at its lower bound, and the newest.

`tools/check --versions` builds both, the second one under the newest Python that is at hand, and runs the fast tests in
them. It is the one part of `tools/check` that needs the network, and it takes minutes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)>=(?P<lower>[\w.]+)(?:,\s*<[\w.]+)?")
EXTRA = "dev"  # what the tests need beside the dependencies


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python and the releases to install under it; where none are named, the newest."""

    name: str
    python: str
    constraints: tuple[str, ...]


def environments(pyproject: str) -> list[Environment]:
    """The lowest environment under this Python, and the highest where a newer Python is at hand."""
    newer = newest_python(sys.version_info.minor)
    highest = [Environment("highest", newer, ())] if newer else []
    return [Environment("lowest", sys.executable, tuple(lower_bounds(pyproject))), *highest]


def lower_bounds(pyproject: str) -> list[str]:
    """`name==release` of every direct dependency at its lower bound.

    Raises ValueError for a requirement that is not `name>=release`, with an upper bound after it or without.
    """
    project = tomllib.loads(pyproject)["project"]
    pins: dict[str, str] = {}
    for requirement in [*project["dependencies"], *project["optional-dependencies"][EXTRA]]:
        found = REQUIREMENT.fullmatch(requirement)
        if not found:
            raise ValueError(f"{requirement!r} is not name>=release, or name>=release,<release")
        pins[found["name"]] = found["lower"]
    return [f"{name}=={lower}" for name, lower in pins.items()]


def newest_python(minor: int) -> str | None:
    """The newest Python 3 above `minor` that starts, on PATH or among pyenv's."""
    for newer in range(minor + 9, minor, -1):
        for candidate in pythons(newer):
            if subprocess.run([candidate, "-c", "pass"], capture_output=True, check=False).returncode == 0:
                return candidate
    return None


def pythons(minor: int) -> Iterator[str]:
    """Where a Python 3.`minor` may be; pyenv's command of that name does not start unless it was chosen."""
    on_path = shutil.which(f"python3.{minor}")
    if on_path:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from (str(path) for path in sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python3.{minor}"), reverse=True))


def build(environment: Environment, folder: Path, root: Path) -> str | None:
    """Install the project at `root` with its extra into a new virtual environment; return its Python, None if not."""
    constraints = folder / f"{environment.name}.txt"
    constraints.write_text("".join(f"{pin}\n" for pin in environment.constraints), encoding="utf-8")
    place = folder / environment.name
    python = str(place / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", "-c", str(constraints), f"{root}[{EXTRA}]"]
    for command in ([environment.python, "-m", "venv", str(place)], install):
        if subprocess.run(command, check=False).returncode != 0:
            return None
    return python


def releases(python: str, pyproject: str) -> str:
    """The Python and the releases of the direct dependencies that an environment has, in one line."""
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    listing = subprocess.run([python, "-m", "pip", "list", "--format", "json"], capture_output=True, check=True).stdout
    found = {plain(each["name"]): each["version"] for each in json.loads(listing)}
    names = [pin.partition("==")[0] for pin in lower_bounds(pyproject)]
    return ", ".join([version, *(f"{name} {found[plain(name)]}" for name in names)])


def plain(name: str) -> str:
    """The name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
