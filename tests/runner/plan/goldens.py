"""The golden plans: beside each `tests/plans/*.yaml` stands an `.out` with all that `lorarun plan` prints.

A first line that begins with `# --` passes options. No token store exists where they are planned, except of the
files of `tests/plans/data`.
"""

from __future__ import annotations

import atexit
import shlex
import shutil
from contextlib import chdir
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from click.testing import CliRunner, Result

from runner.cli import main
from runner.data.catalog import open_catalog
from runner.data.stores.display import Silent
from schema.lint import load_spec

PLANS = Path(__file__).resolve().parents[2] / "plans"


def cases() -> list[Path]:
    """Every golden plan."""
    return sorted(PLANS.glob("*.yaml"))


def outputs() -> list[Path]:
    """Every output that lies there, with or without its spec."""
    return sorted(PLANS.glob("*.out"))


def options(path: Path) -> list[str]:
    """What the first line passes to the command."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return shlex.split(first.removeprefix("# ")) if first.startswith("# --") else []


@cache
def prepared() -> Path:
    """A folder with the data of the plans and a store of each, made once."""
    folder = Path(mkdtemp(prefix="lorarun-plans-"))
    atexit.register(shutil.rmtree, folder)
    shutil.copytree(PLANS / "data", folder / "data")
    spec = PLANS / "exhausted_repeat.yaml"
    with chdir(folder):
        open_catalog(load_spec(spec, ["data/root=stores", "training/validation=false"]), None, Silent())
    return folder


def planned(path: Path, *arguments: str) -> Result:
    """What `lorarun plan` does with a golden."""
    has_data = "data/tales.jsonl" in path.read_text(encoding="utf-8")
    root = "stores" if has_data else "/nonexistent/stores"
    with chdir(prepared() if has_data else PLANS):
        return CliRunner().invoke(main, ["plan", str(path), "--set", f"data/root={root}", *arguments, *options(path)])


def printed(path: Path) -> str:
    """Everything that is printed for one golden."""
    result = planned(path)
    assert result.exit_code == 0, result.output
    return result.stdout
