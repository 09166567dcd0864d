"""One wrong value is one finding, and silences no rule that can do without it.

The instances: lists of stages under training/tokens and training/dataset, and -1 for null; then siblings.
"""

from __future__ import annotations

import pytest

from schema.lint import Verdict, lint_text
from tests.schema.goldens import heard

STAGES = """\
tokenizer: {backend: byte}
architecture: {n_layers: 2, n_embd: 64, n_head: 4, n_kv_head: 2, block_size: 128, vocab_size: 512}
training:
  batch_size: 8
  warmup_pct: 0.0001
  decay_pct: 0.9
  pre_lora_tokens: [1_024_100, 1_025_100]
  pre_lora_dataset: [[{name: web, rate: 0.9, style: PMD}], [{name: web, rate: 1.0, style: PMD}]]
  post_lora_tokens: []
logging: {checkpoint_interval: 100_000, validation_interval: 100_000}
"""
LORA = "optimization: {lora: {rank: 500, target_modules: [attn, attn/q_proj, kernel, q_prj]}}\n"
BOTH = STAGES.replace("post_lora_tokens: []", "post_lora_tokens: [102_400]") + LORA
BOTH = BOTH.replace("logging:", "  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED}]]\nlogging:")


def lint(text: str) -> Verdict:
    return lint_text(text, "s", settings=heard())


def codes(text: str) -> list[str]:
    return [found.code for found in lint(text).diagnostics]


@pytest.mark.parametrize("last", ["  post_lora_tokens: []\n", ""], ids=["no phase lora", "adapters"])
def test_lists_of_stages_are_one_finding_and_are_judged_as_those_of_phase_full(last: str) -> None:
    text = STAGES.replace("  post_lora_tokens: []\n", last) + ("" if last else "optimization: {lora: {rank: 4}}\n")
    old = text.replace("pre_lora_", "").replace("  post_lora_tokens: []\n", "")
    assert {"LR102", "LR105", "LR201"} <= set(codes(text))
    assert sorted(codes(old)) == sorted([*codes(text), "LR004"])
    told = next(found for found in lint(old).diagnostics if found.code == "LR004")
    assert "training/pre_lora_tokens and training/pre_lora_dataset" in told.remedy
    assert (told.fix and told.fix.safe) == bool(last)


@pytest.mark.parametrize(
    ("tokens", "dataset", "more"),
    [
        ("[1_024_000]", "[{name: web, rate: 1.0, style: PMD}]", []),
        ("1_024_000", "[[{name: web, rate: 1.0, style: PMD}]]", []),
        ("[1_024_000, 1_024_000]", "[{name: web, rate: 1.0, style: PMD}]", ["LR101"]),  # which budget has none?
    ],
)
def test_where_one_of_the_two_lists_stages_the_other_is_a_single_one(
    tokens: str, dataset: str, more: list[str]
) -> None:
    text = f"tokenizer: {{backend: byte}}\ntraining: {{batch_size: 8, tokens: {tokens}, dataset: {dataset}}}\n"
    assert [code for code in codes(text) if code != "LR102"] == ["LR004", *more]


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("architecture/intermediate_size", "null"),
        ("architecture/n_kv_head", "null"),
        ("architecture/head_dim", "null"),
        ("optimization/grad_clip", "null"),
        ("logging/validation_interval", "never"),
        ("checkpoint/every_minutes", "never"),
    ],
)
def test_minus_one_is_told_the_word_for_nothing_and_silences_no_rule(path: str, word: str) -> None:
    verdict = lint_text(BOTH.replace("rank: 500", "rank: 4"), "s", [f"{path}=-1"], settings=heard(show_skipped=True))
    told = [found for found in verdict.diagnostics if found.code == "LR011"]
    assert [found.remedy.partition(",")[0] for found in told] == [f"write {word}"]
    assert not verdict.skipped


@pytest.mark.parametrize("path", ["optimization/lora/dropout", "optimization/weight_decay", "checkpoint/best"])
def test_minus_one_is_told_nought_where_there_is_no_word_for_nothing(path: str) -> None:
    verdict = lint_text(STAGES, "s", [f"{path}=-1"], settings=heard())
    assert [found.remedy.partition(",")[0] for found in verdict.diagnostics if found.code == "LR011"] == ["write 0"]


BUDGETS = ("LR102", "LR105", "LR402", "LR601", "LR602")
TARGETS = ("LR301", "LR305", "LR306")


@pytest.mark.parametrize(
    ("old", "new", "still"),
    [
        ("rate: 0.9", 'rate: "1.0"', (*BUDGETS, *TARGETS)),
        ("rate: 0.9", "rate: 0.9, split: train", (*BUDGETS, *TARGETS)),
        ("pre_lora_dataset: [[", "pre_lora_dataset: [[3, ", BUDGETS),
        ("[[{name: chat, rate: 1.0, style: PADDED}]]", "chat", (*BUDGETS, *TARGETS, "LR201")),
        ("[102_400]", "wide", (*TARGETS, "LR304", "LR201")),
        ("n_layers: 2", "n_layers: two", (*BUDGETS, *TARGETS)),
        ("n_layers: 2", "n_layers: 2, dropout: some", (*BUDGETS, *TARGETS, "LR304")),
        ("n_layers: 2", "n_layers: 2, parallel_residual: true", (*BUDGETS, *TARGETS, "LR304")),
        ("vocab_size: 512", "vocab_size: many", (*BUDGETS, *TARGETS)),
        ("block_size: 128", "block_size: long", (*TARGETS, "LR304", "LR201")),
        ("logging:", "eval: {evaluations: [web]}\nlogging:", (*BUDGETS, *TARGETS)),
    ],
)
def test_a_wrong_value_silences_no_rule_that_can_do_without_it(old: str, new: str, still: tuple[str, ...]) -> None:
    assert old in BOTH
    after = codes(BOTH.replace(old, new))
    assert set(still) <= set(after)
    assert {"LR003", "LR004", "LR005", "LR012"} & set(after)


def test_an_evaluation_that_cannot_be_read_is_listed_all_the_same() -> None:
    for switch, skipped in (("evaluate", "evaluations-unused"), ("validation", "validation-off-configured")):
        text = f"training: {{{switch}: false}}\neval: {{evaluations: [web]}}\n"
        assert skipped not in lint(text).skipped
