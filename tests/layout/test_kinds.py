"""One kind, one file: each folder of kinds agrees with the enumeration that the spec is checked against."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from schema.sampling import DatasetStyle
from schema.sections.architecture import Architecture
from schema.sections.optimization import Optimization
from schema.sections.tokenizer import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
# Modules of a folder of kinds that are no kind.
SHARED = {"runner/models": {"decoder"}}


def choices(section: Any, name: str) -> set[str]:
    """The values of a key that is declared as a Literal."""
    return set(get_args(section.model_fields[name].annotation))


KINDS = {
    "runner/data/styles": {style.value.lower() for style in DatasetStyle},
    "runner/data/tokenizers": choices(Tokenizer, "backend"),
    "runner/models": choices(Architecture, "family"),
    "runner/optimizers": choices(Optimization, "optimizer"),
    "runner/schedules": choices(Optimization, "schedule"),
}


def kind_files(folder: str) -> dict[str, Path]:
    """The modules of a folder that stand for a kind, by name."""
    paths = {path.stem: path for path in sorted((ROOT / folder).glob("*.py"))}
    shared = SHARED.get(folder, set())
    return {name: path for name, path in paths.items() if not name.startswith("_") and name not in shared}


def constants(path: Path) -> dict[str, Any]:
    """The literal constants that a module assigns at its top level."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
            found[target.id] = value.value
    return found


@pytest.mark.parametrize("folder", KINDS)
def test_every_declared_kind_has_its_file_and_every_file_is_declared(folder: str) -> None:
    assert set(kind_files(folder)) == KINDS[folder]


@pytest.mark.parametrize("path", kind_files("schema/rules").values(), ids=lambda path: path.stem)
def test_a_rule_is_named_as_its_file(path: Path) -> None:
    found = constants(path)
    assert found["SLUG"] == path.stem.replace("_", "-")
    assert re.fullmatch(r"LR\d{3}", found["CODE"])


def test_no_two_rules_share_a_code() -> None:
    codes = [constants(path)["CODE"] for path in kind_files("schema/rules").values()]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("name", kind_files("runner/metrics"))
def test_a_metrics_module_holds_one_sink(name: str) -> None:
    module = importlib.import_module(f"runner.metrics.{name}")
    own = [value for _, value in inspect.getmembers(module, inspect.isclass) if value.__module__ == module.__name__]
    assert [value.__name__ for value in own if not value.__name__.startswith("_") and value.__name__.endswith("Sink")]
