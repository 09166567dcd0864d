"""The table of rules, the files, the golden folders and the examples in the docstrings agree."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

import schema.rules
from schema.lint import Verdict, lint_text
from schema.rules import RULES, Rule
from schema.settings import Settings
from schema.text.diagnostic import Severity
from tests.schema.goldens import SPECS, beside, environment_of

FOLDER = Path(schema.rules.__file__).parent
BASE = (SPECS / "ok" / "base.yaml").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"\*(Bad|Good)\*\n\n```(yaml whole|yaml after|yaml|sh)\n(.*?)\n```", re.DOTALL)
FILE_NAME = re.compile(r"# (\S+\.yaml)\n")
FACTS = re.compile(r"\*On\*\n\n```json\n(.*?)\n```", re.DOTALL)
NAMED = re.compile(r"\bLR\d{3}\b")
# Rules about the others, which no spec can fire.
ABOUT_RULES = {"rule-crashed"}


class Example(NamedTuple):
    """One fenced block of a docstring: `yaml` is merged over the base spec, `yaml after` stands below, `sh` sets keys.

    A rule about the environment has a block *On* with the facts of a machine, which both examples meet. A first line
    `# NAME.yaml` names the file. The examples of duplicate-spec are linted beside the base spec.
    """

    rule: Rule
    title: str
    language: str
    text: str


def examples(rule: Rule) -> list[Example]:
    return [Example(rule, *found) for found in EXAMPLE.findall(rule.__doc__ or "")]


def linted(example: Example) -> Verdict:
    facts = FACTS.search(example.rule.__doc__ or "")
    machine = environment_of(json.loads(facts[1]) if facts else {})
    settings = Settings(show_skipped=example.rule.SLUG == "rule-skipped")
    if example.language == "sh":
        return lint_text(BASE, "spec.yaml", [example.text.removeprefix("--set ")], machine, settings)
    text = BASE + example.text if example.language == "yaml after" else example.text
    if example.language == "yaml":
        yaml, written = YAML(typ="safe", pure=True), io.StringIO()
        yaml.dump(merged(yaml.load(BASE), yaml.load(example.text)), written)
        text = written.getvalue()
    name = FILE_NAME.match(example.text)
    found = lint_text(text, name[1] if name else "spec.yaml", environment=machine, settings=settings)
    return beside(found, [lint_text(BASE, "base.yaml")]) if example.rule.SLUG == "duplicate-spec" else found


def merged(base: Any, change: Any) -> Any:
    """Lay a fragment over a spec: mappings are merged, the text DELETE takes a key out, all else is replaced."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    kept = {key: value for key, value in base.items() if change.get(key) != "DELETE"}
    return kept | {key: merged(base.get(key), value) for key, value in change.items() if value != "DELETE"}


ALL = [example for rule in RULES for example in examples(rule)]


def test_the_table_lists_every_rule_file_once() -> None:
    files = {path.stem.replace("_", "-") for path in FOLDER.glob("*.py") if not path.stem.startswith("_")}
    assert sorted(rule.SLUG for rule in RULES) == sorted(files)


def test_the_table_is_in_the_order_of_the_codes() -> None:
    codes = [rule.CODE for rule in RULES]
    assert codes == sorted(set(codes))


def test_every_rule_has_a_golden_folder_and_every_folder_a_rule() -> None:
    assert {path.name for path in (SPECS / "err").iterdir()} == {rule.SLUG for rule in RULES} - ABOUT_RULES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.SLUG)
def test_a_docstring_has_its_sections_in_order(rule: Rule) -> None:
    text = rule.__doc__ or ""
    first, _, rest = text.partition("\n\n")
    assert first.endswith(".")
    titles = re.findall(r"^\*([^*]+)\*", rest, re.MULTILINE)
    assert titles[0].startswith("Why it is ")
    if rule.SLUG not in ABOUT_RULES:
        assert [title for title in titles[1:] if title not in ("On", "Fix.")] == ["Bad", "Good"]
        assert [example.title for example in examples(rule)] == ["Bad", "Good"]
    assert isinstance(rule.SEVERITY, Severity)


@pytest.mark.parametrize("example", ALL, ids=lambda example: f"{example.rule.SLUG}-{example.title}")
def test_the_bad_example_fires_its_rule_and_those_it_names_and_the_good_one_is_silent(example: Example) -> None:
    fired = {found.code for found in linted(example).diagnostics}
    if example.title == "Good":
        assert fired == set()
    else:
        assert example.rule.CODE in fired
        assert fired - {example.rule.CODE} <= set(NAMED.findall(example.rule.__doc__ or ""))
