"""The golden plans: beside each `tests/plans/*.yaml` stands an `.out` with all that `lorarun plan` prints.

A first line that begins with `# --` passes options. No token store exists where they are planned.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from click.testing import CliRunner

from runner.cli import main

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


def printed(path: Path) -> str:
    """Everything that is printed for one golden."""
    nowhere = "data/root=/nonexistent/stores"
    result = CliRunner().invoke(main, ["plan", str(path), "--set", nowhere, *options(path)])
    assert result.exit_code == 0, result.stdout
    return result.stdout
