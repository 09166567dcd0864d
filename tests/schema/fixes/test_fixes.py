"""Fixes: each golden in `tests/spec/fix/<slug>` becomes its `.fixed` text, keeps its comments, and needs no second run.

A file whose name starts with `unsafe_` is fixed with the unsafe fixes too.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest

from schema.fixes.apply import fix_text
from schema.lint import lint_text
from tests.schema.goldens import SPECS, environment_of

CASES = sorted((SPECS / "fix").glob("*/*.yaml"))


def read(path: Path) -> str:
    """The text with its own line ends."""
    return path.read_bytes().decode("utf-8")


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_fix_writes_what_was_reviewed_and_its_finding_is_gone(path: Path) -> None:
    facts = path.with_suffix(".json")
    machine = environment_of(json.loads(facts.read_text(encoding="utf-8")) if facts.exists() else {})
    lint, unsafe = partial(lint_text, name=path.name, environment=machine), path.stem.startswith("unsafe_")
    fixed = fix_text(read(path), lint, unsafe)
    assert fixed.text == read(path.with_suffix(".fixed"))
    assert path.parent.name in {found.slug for found in fixed.applied}
    assert path.parent.name not in {found.slug for found in fixed.verdict.diagnostics if found.fix}
    again = fix_text(fixed.text, lint, unsafe)
    assert (again.text, again.applied) == (fixed.text, ())


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_comments_on_lines_of_their_own_survive(path: Path) -> None:
    def comments(text: str) -> list[str]:
        return re.findall(r"^\s*(#.*)$", text, re.MULTILINE)

    kept = [comment for comment in comments(read(path)) if "lorarun: ignore" not in comment]
    assert [comment for comment in comments(read(path.with_suffix(".fixed"))) if comment in kept] == kept
