"""What an editor shows and offers while a spec is written."""

from __future__ import annotations

from functools import cache

import pytest

from schema.editor.hints import Guide, Hints
from schema.rules import RULES

SPECS = [
    """\
training:
  batch_size: 8
  pre_lora_dataset: [[{name: web, rate: 1.0, style: pmd}]]
optimization: {lora: {rank: 8}}""",
    """\
training:
  pre_lora_dataset:
  - - name: web
      style: PMD
# lorarun: ignore[style-case]
'eval': {evaluations: ['a']}""",
]


@cache
def guide() -> Guide:
    return Guide()


def place(marked: str) -> tuple[list[str], int, int]:
    before, _, behind = marked.partition("|")
    return (before + behind).split("\n"), before.count("\n"), len(before.rpartition("\n")[2])


def complete(marked: str) -> Hints:
    return guide().complete(*place(marked))


def completed(marked: str, name: str) -> str:
    """The text after one hint is taken."""
    lines, line, column = place(marked)
    hints = guide().complete(lines, line, column)
    text = next(hint.text for hint in hints.found if hint.name == name)
    lines[line] = lines[line][: hints.start] + text + lines[line][hints.end :]
    return "\n".join(lines)


def test_a_key_is_explained_with_type_limits_unit_and_default() -> None:
    assert guide().hover(*place("training:\n  batch_|size: 8")) == (
        "**training/batch_size**\n\nGlobal batch.\n\na whole number, at least 1; unit: rows; default: `512`"
    )
    assert guide().hover(*place("training:\n  dataset: [{na|me: x")).startswith("**training/dataset[]/name**\n\n")
    assert guide().hover(*place("data: {sources: {mine: {pa|th: x}}}")).startswith("**data/sources/NAME/path**\n\n")


@pytest.mark.parametrize(
    "marked", ["batch_|size: 8", "training:\n  batch_size: |8", "# train|ing", "x-note:\n  lr|: 1"]
)
def test_what_is_no_key_here_is_not_explained(marked: str) -> None:
    assert guide().hover(*place(marked)) == ""


def test_the_rule_that_a_comment_ignores_is_explained() -> None:
    marked = "training: # lorarun: ignore[LR802, style|-case]"
    assert (
        guide()
        .hover(*place(marked))
        .startswith(
            "**LR802 style-case** (warning)\n\nA dataset style in another case than upper.\n\n**Why it is bad.** "
        )
    )
    assert guide().hover(*place("training: # lorarun: ignore[no|thing]")) == ""


def test_every_rule_has_sentences_to_show() -> None:
    for rule in RULES:
        shown = guide().hover([f"# lorarun: ignore[{rule.SLUG}]"], 0, 20)
        assert shown.count("\n\n") == 2
        assert "```" not in shown


@pytest.mark.parametrize(
    ("marked", "name", "after"),
    [
        ("training:\n  ba|", "batch_size", "training:\n  batch_size: 512"),
        ("optimization:\n  rn|k: 8", "lr", "optimization:\n  lr: 8"),
        ("optimization:\n  lo|", "lora", "optimization:\n  lora:\n    "),
        ("optimization: {lo|}", "lora", "optimization: {lora: {}}"),
        ("training:\n  dataset: [{name: x, st|}]", "style", "training:\n  dataset: [{name: x, style: PADDED}]"),
        ("training:\n  dataset: [{style: p|md}]", "PMD", "training:\n  dataset: [{style: PMD}]"),
        ("data:\n  on_exhausted: re| # then", "error", "data:\n  on_exhausted: error # then"),
        ("architecture:\n  rope: |", "false", "architecture:\n  rope: false"),
        (
            "training:\n  seed: 1 # lorarun: ignore[a, st|",
            "style-case",
            "training:\n  seed: 1 # lorarun: ignore[a, style-case",
        ),
    ],
)
def test_what_is_begun_is_completed(marked: str, name: str, after: str) -> None:
    assert completed(marked, name) == after


def test_keys_that_are_written_are_not_offered_again() -> None:
    offered = [hint.name for hint in complete("training:\n  dataset:\n  - name: web\n    |\n    rate: 1.0").found]
    assert offered == ["style", "suffix", "document_mask"]


def test_a_key_is_offered_with_its_documentation() -> None:
    rank = next(hint for hint in complete("optimization:\n  lora:\n    |").found if hint.name == "rank")
    assert rank.documentation.startswith("**optimization/lora/rank**\n\n")
    assert "default: `16`" in rank.documentation


def test_choices_are_offered_and_nothing_where_there_is_nothing_to_choose() -> None:
    assert [hint.text for hint in complete("architecture:\n  dtype:\n    param: |").found] == [
        "float32",
        "bfloat16",
        "float16",
    ]
    assert [hint.text for hint in complete("training:\n  evaluate: |").found] == ["true", "false"]
    for marked in ("training:\n  pre_lora_tokens: [|", "x-note:\n  |", "training: |", "training: # |"):
        assert complete(marked).found == ()


@pytest.mark.parametrize("text", SPECS)
def test_every_beginning_of_a_spec_has_an_answer_everywhere(text: str) -> None:
    for length in range(len(text) + 1):
        lines = text[:length].split("\n")
        hints = guide().complete(lines, len(lines) - 1, len(lines[-1]))
        assert hints.start <= len(lines[-1]) <= hints.end
        guide().hover(lines, len(lines) - 1, len(lines[-1]) // 2)
