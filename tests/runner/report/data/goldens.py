"""The golden views of data: beside each `specs/*.yaml` stands an `.out` with all that `lorarun data` prints of it.

A first line that begins with `# --` passes options. The command runs in an empty folder beside `sources`, where the
texts are, and prepares them there.
"""

from __future__ import annotations

import shlex
import shutil
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner

from runner.cli import main

FOLDER = Path(__file__).resolve().parent


def cases() -> list[Path]:
    """Every golden view."""
    return sorted((FOLDER / "specs").glob("*.yaml"))


def outputs() -> list[Path]:
    """Every output that lies there, with or without its spec."""
    return sorted((FOLDER / "specs").glob("*.out"))


def options(path: Path) -> list[str]:
    """What the first line passes to the command."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return shlex.split(first.removeprefix("# ")) if first.startswith("# --") else []


def printed(path: Path) -> str:
    """Everything that is printed for one golden."""
    with TemporaryDirectory() as empty, chdir(empty):
        shutil.copytree(FOLDER / "sources", "sources")
        shutil.copy(path, path.name)
        result = CliRunner(env={"NO_COLOR": "1"}).invoke(main, ["data", path.name, *options(path)])
    assert result.exit_code == 0, result.stderr
    return result.stdout
