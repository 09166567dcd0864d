"""A working directory of specs with one finding of each severity, and `lorarun validate` in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runner.cli import main
from tests.schema.goldens import SPECS

CLEAN = (SPECS / "ok" / "base.yaml").read_text(encoding="utf-8")
# An error and a warning with a safe fix, an info, an error with an unsafe fix.
ERROR = CLEAN.replace("n_layers: 4", 'n_layers: "4"')
WARNING = CLEAN.replace("style: PMD", "style: pmd")
INFO = CLEAN.replace("1024000", "1024001")
BROKEN = f"{CLEAN}mehs: 1\n"
OTHER = CLEAN.replace("lr: 0.0003", "lr: 0.0004")
UNKNOWN = CLEAN.replace("validation_steps", "validation_step")


def fill(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the specs, go there, and forget what the environment says about colours."""
    monkeypatch.chdir(folder)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, text in {"clean": CLEAN, "error": ERROR, "warning": WARNING, "info": INFO, "other": OTHER}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def validate(*arguments: str, stdin: str | bytes | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["validate", *arguments], input=stdin)
