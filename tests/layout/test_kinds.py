"""One kind, one file: each folder of kinds agrees with the enumeration that the spec is checked against."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from schema.budget.schedules import load_schedule
from schema.formats import FORMATS
from schema.optimizers import load_slots
from schema.rules import RULES, Rule
from schema.sampling import DatasetStyle
from schema.sections.architecture import Architecture
from schema.sections.optimization import Lora, Optimization
from schema.sections.tokenizer import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
# Modules of a folder of kinds that are no kind.
SHARED = {"schema/optimizers": {"slot"}}


def choices(section: Any, name: str) -> set[str]:
    """The values of a key that is declared as a Literal."""
    return set(get_args(section.model_fields[name].annotation))


KINDS = {
    "runner/data/styles": {style.value.lower() for style in DatasetStyle},
    "runner/data/tokenizers": choices(Tokenizer, "backend"),
    "runner/optimizers": choices(Optimization, "optimizer"),
    "schema/optimizers": choices(Optimization, "optimizer"),
    "schema/budget/schedules": choices(Optimization, "schedule"),
    "schema/families": choices(Architecture, "family"),
    "schema/formats": set(FORMATS),
}


def kind_files(folder: str) -> dict[str, Path]:
    """The modules of a folder that stand for a kind, and the folders of them, by name."""
    found = [*(ROOT / folder).glob("*.py"), *(ROOT / folder).glob("*/__init__.py")]
    paths = {path.parent.name if path.stem == "__init__" else path.stem: path for path in sorted(found)}
    paths.pop(Path(folder).name, None)
    shared = SHARED.get(folder, set())
    return {name: path for name, path in paths.items() if not name.startswith("_") and name not in shared}


@pytest.mark.parametrize("folder", KINDS)
def test_every_declared_kind_has_its_file_and_every_file_is_declared(folder: str) -> None:
    assert set(kind_files(folder)) == KINDS[folder]


@pytest.mark.parametrize("family", sorted(KINDS["schema/families"]))
def test_the_facts_of_one_family_are_imported_by_nobody(family: str) -> None:
    paths = [path for folder in ("schema", "runner") for path in (ROOT / folder).rglob("*.py")]
    naming = [path for path in paths if re.search(rf"families\.{family}\b", path.read_text(encoding="utf-8"))]
    assert naming == []


def test_every_optimizer_has_a_section_of_keys_and_phase_lora_may_have_it() -> None:
    kinds = choices(Optimization, "optimizer")
    assert choices(Lora, "optimizer") == kinds
    sections = {name: field.annotation for name, field in Optimization.model_fields.items() if name in kinds}
    assert {name: section.__module__ for name, section in sections.items() if section} == {
        kind: f"schema.optimizers.{kind}.keys" for kind in kinds
    }


@pytest.mark.parametrize("kind", sorted(choices(Optimization, "optimizer")))
def test_every_optimizer_declares_its_slots_and_builds(kind: str) -> None:
    assert {"SECTIONS", "SHARED", "slots"} <= vars(load_slots(kind)).keys()
    assert kind in load_slots(kind).SECTIONS
    assert callable(importlib.import_module(f"runner.optimizers.{kind}").build)


@pytest.mark.parametrize("kind", sorted(choices(Optimization, "schedule")))
def test_every_schedule_offers_what_plan_and_rules_read(kind: str) -> None:
    assert {"READS_DECAY_PCT", "shape", "learning_rate"} <= vars(load_schedule(kind)).keys()


def test_every_rule_file_stands_in_the_table_of_rules_and_only_there() -> None:
    assert sorted(rule.SLUG for rule in RULES) == sorted(name.replace("_", "-") for name in kind_files("schema/rules"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.SLUG)
def test_a_rule_is_named_as_its_file(rule: Rule) -> None:
    assert Path(inspect.getfile(rule)).stem.replace("_", "-") == rule.SLUG
    assert re.fullmatch(r"LR\d{3}", rule.CODE)


def test_the_rules_stand_in_the_order_of_their_codes_and_share_none() -> None:
    codes = [rule.CODE for rule in RULES]
    assert codes == sorted(set(codes))


@pytest.mark.parametrize("name", kind_files("runner/metrics"))
def test_a_metrics_module_holds_one_sink(name: str) -> None:
    module = importlib.import_module(f"runner.metrics.{name}")
    own = [value for _, value in inspect.getmembers(module, inspect.isclass) if value.__module__ == module.__name__]
    assert [value.__name__ for value in own if not value.__name__.startswith("_") and value.__name__.endswith("Sink")]
