"""The JSON Schema is one that editors can use, and the generated files are made by their tool only."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.docs.json_schema import SectionError, _cleaned, json_schema
from schema.document import SCHEMA_FILE
from schema.text.scalars import NUMBER_AS_TEXT, number

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
EDITORS = jsonschema.Draft202012Validator(SCHEMA)
# A plain number of YAML 1.2's core schema, which JSON has too but for its leading signs and dots.
CORE = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")


def properties(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for definition in [node, *node["$defs"].values()]:
        yield from definition.get("properties", {}).items()


def test_it_is_a_valid_schema_of_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["$id"] == "urn:lorarun:spec"


def test_every_key_has_a_title_and_a_description() -> None:
    for name, key in properties(SCHEMA):
        assert name in key["title"]
        assert (key.get("unit") or "") in key["title"]
        assert "description" in key or "$ref" in key


def test_every_key_but_required_ones_has_its_default() -> None:
    for definition in SCHEMA["$defs"].values():
        for name, key in definition.get("properties", {}).items():
            required = name in definition.get("required", ())
            nested = SCHEMA["$defs"][key["$ref"].rpartition("/")[2]].get("properties") if "$ref" in key else None
            assert required or nested or "default" in key, name


@pytest.mark.parametrize("text", ["300M", "1.5B", "300_000_000", "1_0.5e3", ".5K", "-1_0"])
def test_numbers_that_editors_take_for_text_are_accepted(text: str) -> None:
    assert EDITORS.is_valid({"training": {"pre_lora_tokens": [text]}, "optimization": {"lr": text}})


@pytest.mark.parametrize("value", ["8", "3e8", "some words", "12x", "M", "1__0", "", True, [1], 1.5])
def test_other_text_is_no_number(value: Any) -> None:
    assert not EDITORS.is_valid({"training": {"batch_size": value}})


@given(st.one_of(st.text("0123456789_.eE+-KMBT", max_size=8), st.from_regex(NUMBER_AS_TEXT, fullmatch=True)))
def test_editors_read_as_a_number_what_the_linter_does(text: str) -> None:
    meant = number(text) is not None and not CORE.fullmatch(text)
    assert (re.search(NUMBER_AS_TEXT.replace("$", r"\Z"), text) is not None) == meant


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_spec_names_it_in_its_first_line(path: Path) -> None:
    named = MODELINE.fullmatch(path.read_text(encoding="utf-8").splitlines()[0])
    assert named is not None
    assert (path.parent / named[1]).resolve() == SCHEMA_FILE


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        ({"type": "integer", "multipleOf": 8}, "teach schema/check/tree.py the keyword 'multipleOf' first"),
        ({"type": "tuple"}, "the type 'tuple' is not one the linter knows"),
        ({"type": "string", "pattern": "^a$"}, r"say in schema/check/leaves.py what the pattern '\^a\$' allows"),
        ({"type": "object", "patternProperties": {"^a$": {"type": "null"}}}, "say in schema/check/leaves.py"),
    ],
)
def test_what_the_linter_would_not_check_is_refused(part: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SectionError, match=f"Eval: {complaint}"):
        _cleaned(part, "Eval")


def test_it_is_made_anew_of_the_sections_each_time() -> None:
    assert json_schema() == json_schema()
    assert json_schema() is not json_schema()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what tools/generate reads and writes, with all files fresh."""
    shutil.copytree(ROOT / "schema", tmp_path / "schema", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "generate", tmp_path / "tools")
    assert generate(tmp_path).returncode == 0
    return tmp_path


def generate(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(checkout / "tools" / "generate"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd="/")


def test_check_names_every_stale_file_and_writes_nothing(checkout: Path) -> None:
    assert generate(checkout, "--check").returncode == 0
    (checkout / "schema" / "docs" / "SPEC.md").unlink()
    rules = checkout / "schema" / "docs" / "RULES.md"
    rules.write_text(rules.read_text(encoding="utf-8") + "\nby hand\n", encoding="utf-8")
    checked = generate(checkout, "--check")
    assert (checked.returncode, checked.stdout) == (1, "")
    assert checked.stderr.splitlines() == [
        "schema/docs/RULES.md is stale: run python tools/generate",
        "schema/docs/SPEC.md is stale: run python tools/generate",
    ]
    assert not (checkout / "schema" / "docs" / "SPEC.md").exists()
    assert "by hand" in rules.read_text(encoding="utf-8")
    assert generate(checkout).stdout.splitlines() == ["wrote schema/docs/RULES.md", "wrote schema/docs/SPEC.md"]
    assert generate(checkout, "--check").returncode == 0


def test_a_changed_docstring_or_default_makes_files_stale(checkout: Path) -> None:
    for name, old, new in (
        ("rules/empty_run.py", '"""The budgets', '"""The two budgets'),
        ("sections/checkpoint.py", "keep: int = key(3", "keep: int = key(4"),
    ):
        file = checkout / "schema" / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")
    stale = {line.partition(" ")[0] for line in generate(checkout, "--check").stderr.splitlines()}
    assert stale == {"schema/spec.schema.json", "schema/docs/RULES.md", "schema/docs/SPEC.md"}
