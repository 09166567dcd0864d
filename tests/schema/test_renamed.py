"""Old names: each is read as its new one, and never beside it in silence."""

from __future__ import annotations

import pytest

from schema.check import declared_paths
from schema.document import load_schema
from schema.findings import Findings, show
from schema.lint import lint_text
from schema.renamed import RENAMED
from tests.schema.goldens import heard

PATHS = {show(path) for path in declared_paths(Findings(load_schema()), load_schema())}


def nested(path: str, value: str) -> str:
    """A spec of one key."""
    *parents, name = path.split("/")
    return "".join(f"{parent}: {{" for parent in parents) + f"{name}: {value}" + "}" * len(parents)


@pytest.mark.parametrize("old", RENAMED)
def test_a_new_name_is_declared_and_an_old_one_is_not(old: str) -> None:
    assert RENAMED[old].key in PATHS
    assert old not in PATHS


@pytest.mark.parametrize("old", [old for old in RENAMED if not old.endswith("s")])
def test_a_value_under_an_old_name_is_read_under_the_new_one(old: str) -> None:
    verdict = lint_text(nested(old, "0.001"), "s", settings=heard())
    assert verdict.document is not None
    assert verdict.document.value(RENAMED[old].key) == 0.001
    assert "deprecated-key" in {found.slug for found in verdict.diagnostics}
    wrong = lint_text(nested(old, "much"), "s", settings=heard())
    assert "wrong-type" in {found.slug for found in wrong.diagnostics}


@pytest.mark.parametrize(
    ("value", "slug"),
    [("0.001", "redundant-namespaces"), ("1e-3", "redundant-namespaces"), ("2", "conflicting-namespaces")],
)
def test_where_both_names_stand_the_new_one_is_read(value: str, slug: str) -> None:
    text = f"optimization: {{lr: 0.001, learning_rate: {value}}}"
    verdict = lint_text(text, "s", settings=heard())
    assert verdict.document is not None
    assert verdict.document.value("optimization/lr") == 0.001
    assert slug in {found.slug for found in verdict.diagnostics}


def test_lists_and_mappings_are_compared_as_values() -> None:
    one = "[[{name: web, rate: 1.0, style: PMD}]]"
    for other, slug in [
        ("[[{style: PMD, name: web, rate: 1}]]", "redundant-namespaces"),
        ("[[{name: web, rate: 1.0, style: PADDED}]]", "conflicting-namespaces"),
        ("[[]]", "conflicting-namespaces"),
        ("3", "conflicting-namespaces"),
    ]:
        text = f"training: {{pre_lora_dataset: {one}, pre_lora_datasets: {other}}}"
        assert slug in {found.slug for found in lint_text(text, "s", settings=heard()).diagnostics}, other
