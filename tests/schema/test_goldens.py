"""Every sentence of the linter, compared with what was reviewed; the good specs are silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.rules import RULES
from tests.schema.goldens import cases, outputs, printed, silent_specs, verdict


def identity(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", cases(), ids=identity)
def test_a_golden_prints_what_was_reviewed(path: Path) -> None:
    assert printed(path) == path.with_suffix(".out").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", cases(), ids=identity)
def test_a_golden_fires_the_rule_of_its_folder_and_those_that_the_rule_names(path: Path) -> None:
    fired = {found.slug: found.code for found in verdict(path).diagnostics}
    documented = next(rule.__doc__ or "" for rule in RULES if path.parent.name == rule.SLUG)
    assert path.parent.name in fired
    assert all(slug == path.parent.name or code in documented for slug, code in fired.items())


@pytest.mark.parametrize("path", silent_specs(), ids=identity)
def test_a_good_spec_is_silent(path: Path) -> None:
    assert verdict(path).diagnostics == ()


def test_no_output_is_left_without_its_spec() -> None:
    assert {path.with_suffix(".yaml") for path in outputs()} == set(cases())
