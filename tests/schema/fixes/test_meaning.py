"""A safe fix loses nothing that the user wrote, no fix reasons from a default for a wrong key, none undoes another.

What stands for what: a source `books` while a mixture names `book` (the instance), and its siblings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from schema.check.renamed import RENAMED
from schema.fixes.apply import Fixed, fix_text
from schema.lint import lint_text
from schema.text.diagnostic import Severity
from tests.schema.goldens import SPECS, environment_of

SPEC = """\
tokenizer: {backend: byte}
architecture: {n_layers: 2}
data:
  sources:
    books: {path: books/*.txt}
training:
  batch_size: 8
  evaluate: true
  pre_lora_tokens: [4_096_000]
  pre_lora_dataset: [[{name: books, rate: 1.0, style: PMD}]]
  post_lora_tokens: [819_200]
  post_lora_dataset: [[{name: books, rate: 1.0, style: PADDED}]]
optimization:
  lora: {target_modules: [attn, mlp]}
eval: {evaluations: [books_ppl]}
logging:
  checkpoint_interval: 1_000_000
  validation_interval: 1_000_000
"""
NO_EVALUATION = SPEC.partition("eval:")[0].replace("  evaluate: true\n", "")
SECTIONS = ("tokenizer", "architecture", "data", "training", "optimization", "eval", "logging")


def fixed(text: str, unsafe: bool = False, machine: dict[str, object] | None = None) -> Fixed:
    return fix_text(text, partial(lint_text, name="s", environment=environment_of(machine or {})), unsafe)


def written(text: str) -> set[str]:
    """Every word and number of a spec that is no comment."""
    return set(re.findall(r"[\w.]+", re.sub(r"#.*", "", text)))


@pytest.mark.parametrize(
    ("now", "instead"),
    [
        ("[[{name: book, rate: 1.0, style: PMD}]]", "[[{name: books, rate: 1.0, style: PMD}]]"),  # the instance
        ("[[{name: bokos, rate: 1.0, style: PMD}]]", "[[{name: books, rate: 1.0, style: PMD}]]"),
        ("[[{name: Books, rate: 1.0, style: PMD}]]", "[[{name: books, rate: 1.0, style: PMD}]]"),
    ],
)
def test_a_source_that_a_mixture_nearly_names_stays_and_the_mixture_is_told(now: str, instead: str) -> None:
    text = re.sub(r"name: books", re.findall(r"name: \w+", now)[0], NO_EVALUATION)
    told = [found for found in lint_text(text, "s").diagnostics if found.slug == "inert-key"]
    assert [found.severity for found in told] == [Severity.WARNING]
    assert "'books'" in told[0].remedy
    assert written(text) <= written(fixed(text).text)
    assert instead in fixed(text, unsafe=True).text


def test_two_fixes_of_one_pass_agree_on_what_was_meant() -> None:
    text = NO_EVALUATION.replace("name: books", "name: book")
    machine = {"known": ["books"], "datasets": {"book": {}, "books": {"source": True}}}
    assert "inert-key" in {found.slug for found in lint_text(text, environment=environment_of(machine)).diagnostics}
    after = fixed(text, unsafe=True, machine=machine).text
    assert after == text.replace("name: book,", "name: books,")


def test_a_source_that_no_mixture_names_is_an_info_without_a_fix() -> None:
    text = SPEC.replace("    books: {path: books/*.txt}\n", "    books: {path: books/*.txt}\n    later: {path: l}\n")
    told = [found for found in lint_text(text, "s").diagnostics if found.slug == "inert-key"]
    assert [(found.severity, found.fix) for found in told] == [(Severity.INFO, None)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{backend: byte}", "{backend: byte, name: gpt2}"),
        ("{n_layers: 2}", "{n_layers: 2, rope: false, rope_theta: 50000.0}"),
        ("optimization:\n", "optimization:\n  muon: {beta: 0.9}\n"),
        ("optimization:\n", "optimization:\n  momentum: 0.9\n"),
        ("  evaluate: true\n", "  evaluate: true\n  validation: false\n"),
    ],
)
def test_a_safe_fix_keeps_a_key_that_another_one_makes_idle(old: str, new: str) -> None:
    text = SPEC.replace(old, new).replace("1_000_000\n", "100\n")
    assert any(found.severity is not Severity.ERROR for found in lint_text(text, "s").diagnostics)
    assert fixed(text).text == text


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("slip", [lambda name: name[:-1], lambda name: f"{name}s", lambda name: f"my_{name}"])
def test_no_safe_fix_reasons_while_the_name_of_a_section_is_wrong(section: str, slip: Callable[[str], str]) -> None:
    text = SPEC.replace(f"{section}:", f"{slip(section)}:", 1)
    assert lint_text(text, "s").failed
    assert fixed(text).text == text


@pytest.mark.parametrize(("key", "slip"), [("pre_lora_tokens", "tokens_before"), ("batch_size", "rows"), ("eval", "e")])
def test_no_safe_fix_reasons_from_a_default_that_stands_for_an_unknown_key(key: str, slip: str) -> None:
    text = SPEC.replace(f"{key}:", f"{slip}:", 1)
    assert fixed(text).text == text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("target_modules: [attn, mlp]}", "target_modles: [q_proj]}  # lorarun: ignore[target-without-mlp]"),
        ("  lora: {target_modules: [attn, mlp]}", "  loa: {target_modules: [q_proj]}  # lorarun: ignore[LR312]"),
        ("  batch_size: 8", "  batch_size: 8  # lorarun: ignore[auto-batch]\n  seed: one"),
    ],
)
def test_a_comment_that_silences_nothing_stays_while_an_error_may_hide_what_it_silenced(old: str, new: str) -> None:
    text = SPEC.replace("1_000_000\n", "100\n").replace(old, new)
    assert "lorarun: ignore" in text
    told = lint_text(text, "s").diagnostics
    assert {found.severity for found in told} == {Severity.ERROR}, told
    assert fixed(text).text == text


@pytest.mark.parametrize(
    ("old", "new"),
    [("rate: 1.0", "rate: 0.5"), ("n_layers: 2", "n_layers: 2, n_head: 5"), ("books_ppl", "book_ppl")],
)
def test_no_interval_is_safely_never_while_an_error_says_that_a_value_is_wrong(old: str, new: str) -> None:
    text = SPEC.replace(old, new)
    told = lint_text(text, "s").diagnostics
    assert {"checkpoint-never", "validation-never"} <= {found.slug for found in told}
    assert any(found.severity is Severity.ERROR for found in told)
    assert fixed(text).text == text


@pytest.mark.parametrize("name", ["trainig", "TRAINING", "settings"])
def test_a_section_that_repeats_a_note_by_aliases_is_no_note_itself(name: str) -> None:
    note = "x-base: &base {name: books, rate: 1.0, style: PMD}\n"
    text = note + NO_EVALUATION.replace("[[{name: books, rate: 1.0, style: PMD}]]", "[[*base]]")
    assert not lint_text(text, "s").failed
    text = text.replace("training:", f"{name}:")
    assert [found.remedy for found in lint_text(text, "s").diagnostics if found.code == "LR003"] == ["write 'training'"]
    assert fixed(text).text == text


SAFE = [path for path in (SPECS / "fix").glob("*/*.yaml") if not path.name.startswith("unsafe_")]
COMMENTS = "suppression-hygiene"  # is about comments to the linter
# What a fix may leave out of the text: names that a key had, or has elsewhere.
NAMES = {part for path in RENAMED for part in path.split("/")}


@pytest.mark.parametrize("path", SAFE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_a_safe_fix_removes_stands_elsewhere(path: Path) -> None:
    after = fixed(path.read_bytes().decode())
    edits = [edit for found in after.applied if found.fix and found.slug != COMMENTS for edit in found.fix.edits]
    kept = written(" ".join([after.text, *(edit.text for edit in edits)]).lower()) | NAMES
    for span in (edit.span for edit in edits if not edit.text and edit.span.line == edit.span.end_line):
        gone = span.origin.lines[span.line - 1][span.column - 1 : span.end_column - 1]
        assert written(gone.lower()) <= kept


@pytest.mark.parametrize(
    "tokens", ["", "training: {pre_lora_tokens: [5_242_880]}\n", "training: {pre_lora_tokens: [524_288]}\n"]
)
def test_an_interval_beyond_a_budget_is_never_safely_never(tokens: str) -> None:
    """The budget may be a default, that of a trial of twenty steps, or called wrong itself: one of two steps."""
    text = f"tokenizer: {{backend: byte}}\n{tokens}logging: {{checkpoint_interval: 1_000_000_000}}\n"
    told = [found.fix for found in lint_text(text, "s").diagnostics if found.slug == "checkpoint-never"]
    assert [fix.safe for fix in told if fix] == ([] if "524_288" in tokens else [False])
    assert fixed(SPEC).text == SPEC
