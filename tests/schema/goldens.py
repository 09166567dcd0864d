"""The golden specs: what they are linted with, and what is printed for them.

`tests/spec/ok/*.yaml` are silent; beside each `tests/spec/err/<slug>/*.yaml` stands an `.out` with everything
that is printed. Each is linted as `exec` would without `--restore`. A first line `# --set key=value` passes
overrides.
"""

from __future__ import annotations

from pathlib import Path

from schema.environment import Environment
from schema.lint import Verdict, lint_file
from schema.report import render_text

SPECS = Path(__file__).resolve().parents[1] / "spec"
MARK = b"# --set "


def cases() -> list[Path]:
    """Every spec that has findings."""
    return sorted((SPECS / "err").glob("*/*.yaml"))


def outputs() -> list[Path]:
    """Every output that lies there, with or without its spec."""
    return sorted((SPECS / "err").glob("*/*.out"))


def silent_specs() -> list[Path]:
    """Every spec that has none."""
    return sorted((SPECS / "ok").glob("*.yaml"))


def verdict(path: Path) -> Verdict:
    """Lint one golden."""
    first = path.read_bytes().partition(b"\n")[0]
    overrides = first.removeprefix(MARK).decode().split(" --set ") if first.startswith(MARK) else []
    return lint_file(path, overrides, Environment(restore=False))


def printed(path: Path) -> str:
    """Everything that is printed for one golden, named as in its own folder."""
    return render_text(verdict(path).diagnostics).replace(str(path), path.name)
