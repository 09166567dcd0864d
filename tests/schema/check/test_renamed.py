"""Names from before and from elsewhere: each is read as ours, with a word, and never beside it in silence."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from schema.check.renamed import ELSEWHERE, RENAMED
from schema.check.tree import property_schema
from schema.document import load_schema
from schema.fixes.apply import fix_text
from schema.lint import Verdict, lint_text
from schema.sections.architecture import Architecture
from schema.text.scalars import written
from tests.schema.goldens import heard
from tests.schema.test_mutants import slips

SCHEMA = load_schema()
PATHS = set(SCHEMA.paths)
VALUES: dict[str, Any] = {"integer": 24, "number": 0.25, "boolean": True}


def lint(text: str, *overrides: str) -> Verdict:
    return lint_text(text, "s", overrides, settings=heard())


def slugs(verdict: Verdict) -> set[str]:
    return {found.slug for found in verdict.diagnostics}


def value(path: str) -> Any:
    """A value that the key at a path takes, and that is not its default."""
    schema: Any = SCHEMA
    for part in path.split("/"):
        schema = property_schema(schema, part)
    first = schema.get("anyOf", [schema])[0]
    if "enum" in first:
        return first["enum"][0]
    return VALUES.get(first["type"], [[{"name": "web", "rate": 1.0, "style": "PMD"}]])


def nested(path: str, text: str, style: str) -> str:
    """A spec of one key, in block or in flow style, without a line end."""
    *parents, name = path.split("/")
    if style == "flow":
        return "{" + "".join(f"{parent}: {{" for parent in parents) + f"{name}: {text}" + "}" * len(parents) + "}"
    lines = [f"{'  ' * depth}{part}:" for depth, part in enumerate(path.split("/"))]
    return "\n".join(lines) + f" {text}"


@pytest.mark.parametrize("old", RENAMED)
def test_a_new_name_is_declared_and_an_old_one_is_not(old: str) -> None:
    assert RENAMED[old].key in PATHS
    assert old not in PATHS


def test_no_name_of_other_programs_stands_for_two_keys() -> None:
    names = [name for names in ELSEWHERE.values() for name in names]
    assert len(names) == len(set(names))
    assert not {path.rpartition("/")[2] for path in PATHS} & set(names)


def test_no_slip_in_one_of_our_names_gives_a_name_that_is_read() -> None:
    taken = {
        slip: path for path in PATHS for slip in (f"{path.rpartition('/')[0]}/{s}" for s in slips(path.split("/")[-1]))
    }
    # r is one letter from lr, but a learning rate is no rank: see the test below.
    assert {old: taken[old] for old in RENAMED if old in taken} == {"optimization/lora/r": "optimization/lora/lr"}


def test_a_learning_rate_that_lost_a_letter_is_no_rank() -> None:
    verdict = lint("optimization: {lora: {r: 1.0e-4}}")
    assert verdict.failed
    assert "wrong-type" in slugs(verdict)


@pytest.mark.parametrize("old", RENAMED)
def test_a_value_under_an_old_name_is_read_under_the_new_one(old: str) -> None:
    wanted = value(RENAMED[old].key)
    verdict = lint(nested(old, written(wanted), "block"))
    assert verdict.document is not None
    read = verdict.document.value(RENAMED[old].key)
    assert read == wanted or read[0][0] == {**wanted[0][0], "suffix": "", "document_mask": False}
    assert "deprecated-key" in slugs(verdict)
    assert {"wrong-type", "invalid-choice"} & slugs(lint(nested(old, "much", "block")))


@pytest.mark.parametrize("style", ["block", "flow"])
@pytest.mark.parametrize("old", [old for old in RENAMED if not old.endswith("datasets")])
def test_a_fix_gives_the_new_name_the_value_of_the_old_one(old: str, style: str) -> None:
    text = nested(old, written(value(RENAMED[old].key)), style).removesuffix("}" if style == "flow" else "")
    text += ", x-note: 1}" if style == "flow" else "\nx-note: 1"  # a mapping that is left empty is not touched
    fixed = fix_text(text, partial(lint_text, name="s"))
    assert fixed.verdict.document is not None
    assert fixed.verdict.document.given(RENAMED[old].key)
    assert fixed.verdict.document.value(RENAMED[old].key) == value(RENAMED[old].key)
    assert "deprecated-key" not in slugs(fixed.verdict)


def test_a_fix_moves_a_key_from_the_last_line_of_a_file() -> None:
    for end in ("", "\n"):
        text = f"tokenizer: {{backend: byte}}\noptimization:\n  lr: 0.001\n  warmup_pct: 0.05{end}"
        moved = text.replace("  warmup_pct: 0.05", "training:\n  warmup_pct: 0.05").rstrip("\n") + "\n"
        assert fix_text(text, partial(lint_text, name="s")).text == moved
    assert fix_text("{ lora_r: 8 }", partial(lint_text, name="s")).text == "{ optimization: {lora: {rank: 8}} }"


@pytest.mark.parametrize(("text", "now"), [("true", "full"), ("false", "none"), ("True", "full")])
def test_a_value_that_had_another_name_is_read_with_a_word_and_fixed(text: str, now: str) -> None:
    for spec, overrides in ((f"architecture: {{remat: {text}}}", ()), ("{}", (f"architecture/remat={text}",))):
        verdict = lint(spec, *overrides)
        assert verdict.document is not None
        assert verdict.document.value("architecture/remat") == now
        assert "deprecated-key" in slugs(verdict)
        assert Architecture.model_validate(verdict.document.value("architecture")).remat == now
    assert Architecture(remat=text.lower() == "true").remat == now  # type: ignore[arg-type]
    fixed = fix_text(f"architecture:\n  remat: {text}  # memory\n", partial(lint_text, name="s"))
    assert fixed.text == f"architecture:\n  remat: {now}  # memory\n"


def test_a_value_in_quotes_or_of_other_programs_is_no_former_one() -> None:
    for text in ('"true"', "yes", "1", "selective"):
        assert {"invalid-choice", "wrong-type"} & slugs(lint(f"architecture: {{remat: {text}}}"))
    assert "wrong-type" in slugs(lint("architecture: {bias: none}"))


@pytest.mark.parametrize(
    ("again", "slug"),
    [("0.001", "redundant-namespaces"), ("1e-3", "redundant-namespaces"), ("2", "conflicting-namespaces")],
)
def test_where_both_names_stand_the_new_one_is_read(again: str, slug: str) -> None:
    verdict = lint(f"optimization: {{lr: 0.001, learning_rate: {again}}}")
    assert verdict.document is not None
    assert verdict.document.value("optimization/lr") == 0.001
    assert slug in slugs(verdict)


def test_two_old_names_of_one_key_are_compared_too() -> None:
    assert "conflicting-namespaces" in slugs(lint("lora_r: 8\noptimization: {lora: {r: 16}}\n"))
    assert "redundant-namespaces" in slugs(lint("lora_r: 8\noptimization: {lora: {r: 8}}\n"))


@pytest.mark.parametrize("again", ["0.002", "0.001"])
def test_an_old_name_that_is_written_twice_is_an_error_and_is_not_renamed(again: str) -> None:
    text = f"optimization: {{learning_rate: 0.001, learning_rate: {again}}}\n"
    verdict = lint(text)
    assert verdict.document is not None
    assert "duplicate-key" in slugs(verdict)
    assert not verdict.document.available("optimization/lr")
    assert fix_text(text, partial(lint_text, name="s")).text == (
        text if again == "0.002" else "optimization: {lr: 0.001}\n"
    )


def test_lists_and_mappings_are_compared_as_values() -> None:
    one = "[[{name: web, rate: 1.0, style: PMD}]]"
    for other, slug in [
        ("[[{style: PMD, name: web, rate: 1}]]", "redundant-namespaces"),
        ("[[{name: web, rate: 1.0, style: PADDED}]]", "conflicting-namespaces"),
        ("[[]]", "conflicting-namespaces"),
        ("3", "conflicting-namespaces"),
    ]:
        text = f"training: {{pre_lora_dataset: {one}, pre_lora_datasets: {other}}}"
        assert slug in slugs(lint(text)), other


def test_an_override_of_the_new_name_wins_over_an_old_one_in_the_file() -> None:
    verdict = lint("optimization: {learning_rate: 0.001}\n", "optimization/lr=0.002")
    assert verdict.document is not None
    assert verdict.document.value("optimization/lr") == 0.002
    assert "deprecated-key" in slugs(verdict)
    assert "conflicting-namespaces" not in slugs(verdict)


def test_an_override_of_an_old_name_is_told_the_new_one() -> None:
    remedies = [found.remedy for found in lint("x-note: 1\n", "lora_r=8").diagnostics if found.code == "LR014"]
    assert remedies == ["write optimization/lora/rank"]


def test_a_section_that_is_no_mapping_stays_for_the_check() -> None:
    verdict = lint("optimization: {warmup_pct: 0.05}\ntraining: 3\n")
    assert "wrong-type" in slugs(verdict)
    assert "duplicate-key" in slugs(lint("optimization: {learning_rate: 0.1}\noptimization: 3\n"))
