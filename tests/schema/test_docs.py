"""Every rule and every key is explained, in words that stand on their own."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from schema.docs.keys import Key, declared_keys, every_key, find_keys
from schema.docs.pages import GENERATED, GROUPS, key_page, rule_page, rules_page, spec_page
from schema.docs.rules import documentation, find_rule, needs_machine, summary
from schema.document import load_schema
from schema.rules import RULES, Rule
from schema.spec import Spec
from schema.text.scalars import written

SCHEMA = load_schema()
KEYS = tuple(every_key(declared_keys(SCHEMA)))
LEFT_OVER = re.compile(r"DELETE|^```\w+ \w|^\*[A-Z][^*]*\*", re.MULTILINE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.SLUG)
def test_a_rule_is_explained_without_what_only_tests_need(rule: Rule) -> None:
    page = rule_page(rule)
    assert page.startswith(f"# {rule.CODE} {rule.SLUG}: {rule.SEVERITY}\n\n")
    assert "**Why it is" in page
    assert LEFT_OVER.findall(page) == []
    assert page.count("```") % 2 == 0
    assert ("validate --env" in page) >= needs_machine(rule)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.SLUG)
def test_a_rule_is_found_by_code_and_by_name_in_any_case(rule: Rule) -> None:
    names = (rule.CODE, rule.CODE.lower(), rule.SLUG, rule.SLUG.upper())
    assert [find_rule(name) for name in names] == [rule] * 4
    assert find_rule(rule.CODE[:-1]) is None
    assert summary(rule).endswith(".")
    assert "\n" not in summary(rule)


def test_what_an_example_leaves_out_is_said_in_a_comment() -> None:
    rule = find_rule("defaulted-decision")
    assert rule is not None
    assert "**Bad**\n\n```yaml\n# no tokenizer\n```" in documentation(rule)


def test_an_override_is_shown_as_a_command() -> None:
    rule = find_rule("override-without-target")
    assert rule is not None
    assert "```sh\nlorarun validate spec.yaml --set training/sede=4\n```" in documentation(rule)


def test_the_page_of_rules_has_a_row_and_a_section_for_each() -> None:
    page = rules_page()
    assert page.startswith(GENERATED)
    for rule in RULES:
        assert f"| {rule.CODE} | [{rule.SLUG}](#{rule.SLUG})" in page
        assert page.count(f"\n### {rule.SLUG}\n") == 1
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert headings == [name for code, name in GROUPS.items() if any(rule.CODE.startswith(code) for rule in RULES)]


def test_every_declared_path_is_a_key_and_every_key_is_declared() -> None:
    declared = set(SCHEMA.paths)
    plain = {key.places[0] for key in KEYS if "[]" not in key.places[0] and "NAME" not in key.places[0]}
    assert plain == declared


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.places[0])
def test_a_key_is_explained(key: Key) -> None:
    (found,) = find_keys(SCHEMA, key.places[0].replace("NAME", "tales").replace("[]", "[0]"))
    page = key_page(found)
    assert found == key
    assert key.doc.endswith(".")
    assert key.kind
    assert all(place in page for place in key.places)
    assert key.doc in page
    assert ("- Must be written" in page) == (key.default is None and not key.within)


@pytest.mark.parametrize(
    "key", [key for key in KEYS if key.default and "[]" not in key.places[0]], ids=lambda key: key.name
)
def test_a_default_is_that_of_the_spec(key: Key) -> None:
    if "NAME" in key.places[0]:
        return
    value: Any = Spec().model_dump(mode="json")
    for part in key.places[0].split("/"):
        value = value[part]
    assert YAML(typ="safe", pure=True).load(key.default) == value


def test_the_end_of_a_path_finds_every_key_that_ends_so() -> None:
    assert [key.places for key in find_keys(SCHEMA, "lr")] == [("optimization/lr",), ("optimization/lora/lr",)]
    (rate,) = find_keys(SCHEMA, "rate")
    assert len(rate.places) == 3
    assert [key.places for key in find_keys(SCHEMA, "data")] == [("data",)]
    assert find_keys(SCHEMA, "dat") == find_keys(SCHEMA, "") == find_keys(SCHEMA, "training/")[1:] == []


def test_a_section_is_explained_with_its_keys() -> None:
    (section,) = find_keys(SCHEMA, "training")
    assert (
        "| `training/batch_size` | a whole number, at least 1 | `512` | rows | breaking | Global batch. |"
        in key_page(section)
    )


def test_the_page_of_keys_has_a_row_for_each() -> None:
    page = spec_page(SCHEMA)
    for key in KEYS:
        shown = key.name if "[]/" in key.places[0] else key.places[0]
        if key.places[0] not in SCHEMA["properties"]:
            assert f"| `{shown}` |" in page
    assert page.count("### An entry of a mixture") == 1
    assert all(f"\n## {name}\n" in page for name in SCHEMA["properties"])


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**12), 10**12),
        st.floats(allow_nan=False, allow_infinity=False, width=32),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
        st.sampled_from(["no", "On", "null", "~", "1_000", "3e4", "0x1F", "300M", "a: b", "é", "a #b", "- a", "/x"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["name", "rate"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(VALUES)
def test_what_is_written_as_yaml_is_read_as_it_was(value: Any) -> None:
    read = YAML(typ="safe", pure=True).load(io.StringIO(f"key: {written(value)}\n"))
    assert read == {"key": value}
