"""Comments that silence: on the line, above it, for the file; never errors, and none that does nothing."""

from __future__ import annotations

import pytest

from schema.environment import Environment
from schema.fixes.apply import fix_text
from schema.lint import lint_text
from schema.rules import NEED_ENVIRONMENT, Rule
from schema.settings import Settings

# Two infos (partial-batch-stage), on the lines of the two budgets.
TEXT = """\
tokenizer: {backend: byte}{top}
training:{above}
  pre_lora_tokens: [262_144_001]{line}
  pre_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]
  post_lora_tokens: [26_214_401]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED}]]
optimization: {lora: {rank: 16}}
"""


def written(top: str = "", above: str = "", line: str = "") -> str:
    return TEXT.replace("{top}", top).replace("{above}", above).replace("{line}", line)


def found(first: str = "", **slots: str) -> list[str]:
    return [f"{each.code}:{each.span.line}" for each in lint_text(first + written(**slots), "s.yaml").diagnostics]


def test_without_comments_both_are_heard() -> None:
    assert found() == ["LR102:3", "LR102:5"]


@pytest.mark.parametrize(
    "name", ["partial-batch-stage", "LR102", " LR102 ", "LR102,LR102", "style-case, LR102", "LR1", "LR10"]
)
def test_a_comment_silences_its_own_line(name: str) -> None:
    left = found(line=f"  # lorarun: ignore[{name}]")
    assert [each for each in left if not each.startswith("LR803")] == ["LR102:5"]


def test_a_comment_silences_the_line_below_it() -> None:
    assert found(above="\n  # lorarun: ignore[LR102]") == ["LR102:6"]
    assert found(above="  # lorarun: ignore[LR102]") == ["LR102:5"]


def test_a_comment_two_lines_above_silences_nothing() -> None:
    assert found(top="  # lorarun: ignore[LR102]") == ["LR803:1", "LR102:3", "LR102:5"]


def test_the_first_comment_of_a_file_silences_the_whole_file() -> None:
    assert found(first="# why it is so\n# lorarun: ignore[LR102]\n\n") == []


def test_the_start_of_codes_is_one_in_a_comment_as_it_is_in_options() -> None:
    assert found(first="# lorarun: ignore[LR1]\n") == []
    assert found(line="  # lorarun: ignore [LR10]") == ["LR102:5"]
    assert found(line="  # lorarun: ignore[LR3]") == ["LR102:3", "LR803:3", "LR102:5"]
    assert found(line="  # lorarun: ignore[LR2]") == ["LR102:3", "LR102:5"]  # of datasets nobody knows anything yet


@pytest.mark.parametrize("written_as", ["LR102", ": LR102", " (LR102)", "=partial-batch-stage"])
def test_a_name_without_brackets_is_told_to_have_them(written_as: str) -> None:
    text = written(line=f"  # lorarun: ignore {written_as}")
    (unused,) = [each for each in lint_text(text, "s.yaml").diagnostics if each.code == "LR803"]
    name = written_as.strip(" :=()")
    assert unused.remedy == f"write ignore[{name}]"
    assert fix_text(text, lint_text, unsafe=True).text == written(line=f"  # lorarun: ignore[{name}]")


def test_a_reason_may_follow() -> None:
    assert found(line="  # lorarun: ignore[LR102] the budget of the paper") == ["LR102:5"]


@pytest.mark.parametrize(
    "line", ["'# lorarun: ignore[LR102]'", '"# lorarun: ignore[LR102]"', "|\n  # lorarun: ignore[LR102]"]
)
def test_a_text_that_looks_like_a_comment_is_none(line: str) -> None:
    assert found(first=f"x-note: {line}\n")[-2:] == found(first="x-note: 1\n" + "\n" * line.count("\n"))


def test_an_error_is_not_silenced_and_the_comment_is_reported() -> None:
    assert found(above="\n  batch_size: 0 # lorarun: ignore[out-of-range]") == ["LR011:3", "LR803:3"]


def test_of_two_names_the_one_that_silences_nothing_is_reported_at_its_place() -> None:
    text = written(line=" # lorarun: ignore[LR102, style-case]")
    (unused,) = [each for each in lint_text(text, "s.yaml").diagnostics if each.code == "LR803"]
    line = text.splitlines()[2]
    assert line[unused.span.column - 1 : unused.span.end_column - 1] == "style-case"


def test_a_rule_that_settings_ignore_still_uses_its_comment() -> None:
    text = written(line=" # lorarun: ignore[LR102]")
    assert lint_text(text, "s.yaml", settings=Settings(ignore=("LR102",))).diagnostics == ()


@pytest.mark.parametrize("rule", NEED_ENVIRONMENT, ids=lambda rule: rule.SLUG)
@pytest.mark.parametrize("machine", [None, Environment()])
def test_a_comment_for_a_rule_that_may_not_know_the_machine_is_not_reported(
    rule: Rule, machine: Environment | None
) -> None:
    text = f"# lorarun: ignore[{rule.SLUG}]\nx-note: 1\n"
    assert "LR803" not in [each.code for each in lint_text(text, "s.yaml", environment=machine).diagnostics]


def test_a_comment_for_a_rule_that_was_skipped_is_not_reported() -> None:
    above = "\n  batch_size: wide # lorarun: ignore[partial-batch-stage]"
    assert "partial-batch-stage" in lint_text(written(above=above), "s.yaml").skipped
    assert found(above=above) == ["LR004:3"]
