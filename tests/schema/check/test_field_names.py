"""Schedules, optimizers and keys that the field knows: named, never taken for something else, never in silence."""

from __future__ import annotations

import pytest

from schema.document import Document
from schema.lint import Verdict, lint_text
from schema.rules._field import FOREIGN, METHODS, built
from tests.schema.goldens import heard

NAMES = [(str(path[-1]), name) for path, names in METHODS.items() for name in names]
STAGES = """\
tokenizer: {backend: byte}
training:
  batch_size: 8
  pre_lora_tokens: [4_096_000]
  pre_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]
  post_lora_tokens: [819_200]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED}]]
"""


def lint(text: str) -> Verdict:
    return lint_text(STAGES + text, "s", settings=heard())


def optimization(keys: str) -> Verdict:
    return lint(f"optimization: {{{keys}, lora: {{target_modules: [attn, mlp]}}}}\n")


def codes(verdict: Verdict) -> list[str]:
    return [found.code for found in verdict.diagnostics]


def document(verdict: Verdict) -> Document:
    assert verdict.document is not None
    return verdict.document


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_a_method_of_others_is_refused_as_such_in_any_case(kind: str, name: str) -> None:
    for spelled in (name, name.upper()):
        verdict = optimization(f"{kind}: {spelled}")
        assert codes(verdict) == ["LR405"]
        assert not document(verdict).available(f"optimization/{kind}")


def test_a_method_that_is_built_is_not_among_those_of_others() -> None:
    found = document(optimization("lr: 0.001"))
    for path, names in METHODS.items():
        assert not set(built(path, found)) & set(names)


@pytest.mark.parametrize(("kind", "code"), [("schedule", "LR404"), ("optimizer", "LR012")])
def test_a_name_that_nobody_has_leaves_no_value(kind: str, code: str) -> None:
    for name in ("nonsense", "wsd_reset", "''"):
        verdict = optimization(f"{kind}: {name}")
        assert verdict.failed
        assert codes(verdict) == [code]
        assert not document(verdict).available(f"optimization/{kind}")


@pytest.mark.parametrize("path", FOREIGN)
def test_a_key_of_another_method_is_reported_once_and_leaves_the_rest_readable(path: str) -> None:
    verdict = optimization(f"{path.removeprefix('optimization/')}: 0.5")
    assert codes(verdict) == ["LR406"]
    assert verdict.skipped == ()


def test_the_keys_of_a_method_that_is_refused_wait_for_it() -> None:
    verdict = optimization("schedule: one_cycle, min_lr: 1.0e-5, momentum: 0.9")
    assert codes(verdict) == ["LR405", "LR406"]
    assert "foreign-key" in verdict.skipped


def test_a_source_is_not_called_unused_while_an_entry_cannot_be_read() -> None:
    text = (
        STAGES.replace("name: chat, rate: 1.0", 'name: chat, rate: "1.0"') + "data: {sources: {chat: {path: c.txt}}}\n"
    )
    assert "LR009" not in codes(lint_text(text, "s"))


def test_one_value_that_cannot_be_read_hides_no_other_key_without_effect() -> None:
    verdict = lint("architecture: {rope: perhaps}\ndata: {sources: {tales: {path: t.txt}}}\n")
    assert "data/sources/tales" in " ".join(found.message for found in verdict.diagnostics if found.code == "LR009")
    assert "inert-key" in verdict.skipped


def test_a_source_that_an_evaluation_names_is_not_called_unused() -> None:
    verdict = lint("data: {sources: {tales: {path: t.txt}}}\neval: {evaluations: [tales_ppl]}\n")
    assert "LR009" not in codes(verdict)


def test_a_phase_whose_stages_do_not_pair_up_has_one_finding() -> None:
    text = STAGES.replace("  pre_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]\n", "").replace(
        "[4_096_000]", "[4_096_000, 4_096_000]"
    )
    found = codes(lint_text(text, "s", settings=heard()))
    assert "LR101" in found
    assert "LR010" not in found
