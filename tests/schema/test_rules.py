"""The table of rules, the files, the golden folders and the examples in the docstrings agree."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

import schema.rules
from schema.diagnostic import Severity
from schema.environment import Environment
from schema.lint import Verdict, lint_text
from schema.rules import RULES, Rule
from tests.schema.goldens import SPECS

FOLDER = Path(schema.rules.__file__).parent
BASE = (SPECS / "ok" / "base.yaml").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"\*(Bad|Good)\*\n\n```(yaml whole|yaml|sh)\n(.*?)\n```", re.DOTALL)


class Example(NamedTuple):
    """One fenced block of a docstring: `yaml` is merged over the base spec, `sh` is overrides of it."""

    rule: Rule
    title: str
    language: str
    text: str


def examples(rule: Rule) -> list[Example]:
    return [Example(rule, *found) for found in EXAMPLE.findall(rule.__doc__ or "")]


def linted(example: Example) -> Verdict:
    at_start = Environment(restore=False)
    if example.language == "sh":
        return lint_text(BASE, "spec.yaml", [example.text.removeprefix("--set ")], at_start)
    if example.language == "yaml whole":
        return lint_text(example.text, "spec.yaml", environment=at_start)
    yaml, written = YAML(typ="safe", pure=True), io.StringIO()
    yaml.dump(merged(yaml.load(BASE), yaml.load(example.text)), written)
    return lint_text(written.getvalue(), "spec.yaml", environment=at_start)


def merged(base: Any, change: Any) -> Any:
    """Lay a fragment over a spec: mappings are merged, everything else is replaced."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    return {**base, **{key: merged(base.get(key), value) for key, value in change.items()}}


ALL = [example for rule in RULES for example in examples(rule)]


def test_the_table_lists_every_rule_file_once() -> None:
    files = {path.stem.replace("_", "-") for path in FOLDER.glob("*.py") if not path.stem.startswith("_")}
    assert sorted(rule.SLUG for rule in RULES) == sorted(files)


def test_the_table_is_in_the_order_of_the_codes() -> None:
    codes = [rule.CODE for rule in RULES]
    assert codes == sorted(set(codes))


def test_every_rule_has_a_golden_folder_and_every_folder_a_rule() -> None:
    assert {path.name for path in (SPECS / "err").iterdir()} == {rule.SLUG for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.SLUG)
def test_a_docstring_has_its_sections_in_order(rule: Rule) -> None:
    text = rule.__doc__ or ""
    first, _, rest = text.partition("\n\n")
    assert first.endswith(".")
    assert [title for title in re.findall(r"^\*([^*]+)\*", rest, re.MULTILINE) if title != "Fix."] == [
        "Why it is bad.",
        "Bad",
        "Good",
    ]
    assert [example.title for example in examples(rule)] == ["Bad", "Good"]
    assert isinstance(rule.SEVERITY, Severity)


@pytest.mark.parametrize("example", ALL, ids=lambda example: f"{example.rule.SLUG}-{example.title}")
def test_the_bad_example_fires_its_rule_alone_and_the_good_one_is_silent(example: Example) -> None:
    wanted = {example.rule.CODE} if example.title == "Bad" else set()
    assert {found.code for found in linted(example).diagnostics} == wanted
