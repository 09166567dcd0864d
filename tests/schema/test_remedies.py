"""Mistakes of new users: each remedy, obeyed to the letter, leaves a spec without errors and warnings in one round.

A mistake is a replacement in a good spec. It is obeyed by `--fix`, by `--unsafe-fixes`, or by hand: by writing what the
remedy says, which is the third part of a `Mistake` then.
"""

from __future__ import annotations

import pytest

from schema.fixes.apply import fix_text
from schema.lint import Verdict, lint_text
from schema.text.diagnostic import Diagnostic, Severity
from tests.schema.misplaced import MISPLACED
from tests.schema.mistakes import GOOD, MISTAKES, MIXTURE, SAFE, UNSAFE, Mistake

SPELLINGS = ["[400k]", "[400K]", "[400_000]", "[4.0e+5]", "[0.4M]", "[0.0004B]"]


def heard(verdict: Verdict) -> list[Diagnostic]:
    """The errors and warnings."""
    return [found for found in verdict.diagnostics if found.severity is not Severity.INFO]


def test_the_spec_before_the_mistakes_is_good() -> None:
    assert heard(lint_text(GOOD)) == []


@pytest.mark.parametrize("mistake", [*MISTAKES, *MISPLACED], ids=lambda mistake: mistake.name)
def test_a_remedy_that_is_obeyed_leaves_a_good_spec(mistake: Mistake) -> None:
    found = heard(lint_text(mistake.spec))
    assert len(found) == 1, [f"{each.message}: {each.remedy}" for each in found]
    assert mistake.says in f"{found[0].message}: {found[0].remedy}"
    if mistake.obeyed in (SAFE, UNSAFE):
        fixed = fix_text(mistake.spec, lint_text, mistake.obeyed == UNSAFE)
        left, text = heard(fixed.verdict), fixed.text
    else:
        text = GOOD.replace(mistake.instead_of, mistake.obeyed, 1)
        left = heard(lint_text(text))
    assert left == [], (text, [f"{each.message}: {each.remedy}" for each in left])


@pytest.mark.parametrize("written", SPELLINGS)
def test_a_count_may_have_a_suffix(written: str) -> None:
    verdict = lint_text(GOOD.replace("[400_384]", written))
    assert heard(verdict) == []
    assert verdict.document is not None
    assert verdict.document.value("training/pre_lora_tokens") == [400_000]


@pytest.mark.parametrize(
    ("starts", "says", "fixed"),
    [
        ("", "[] beside architecture/pretrained or --restore", ""),
        ("  pretrained: runs/base\n", "[] to leave it out", "[]"),
    ],
)
def test_phase_lora_alone_is_told_how_phase_full_is_left_out(starts: str, says: str, fixed: str) -> None:
    full = f"  pre_lora_tokens: [400_384]\n  pre_lora_dataset: {MIXTURE}\n"
    assert full in GOOD
    text = GOOD.replace(full, "").replace("training:\n", f"{starts}training:\n")
    (found,) = [each for each in lint_text(text).diagnostics if each.code == "LR010"]
    assert f"training/pre_lora_tokens: {says}" in found.remedy
    assert [edit.text.split(": ")[-1] for edit in (found.fix.edits if found.fix else ())] == ([fixed] if fixed else [])


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("checkpoint_interval: 10m", "write a whole number or never"),  # minutes, perhaps: no ten million steps
        ("checkpoint_interval: 10 million", "write 10M"),
        ("checkpoint_interval: 10 minutes", "write a whole number or never, in steps"),
        ("report_interval: 50000 tokens", "write a whole number, in steps"),
        ("checkpoint_interval: 50x000", "write a whole number or never"),  # no product, which would be 0
        ("report_interval: 1.500", "write a whole number, at least 1"),  # one and a half, or in Spain 1,500
    ],
)
def test_what_may_mean_two_things_is_not_guessed(written: str, remedy: str) -> None:
    key = written.partition(":")[0]
    text = GOOD.replace(f"{key}: {'5' if key == 'report_interval' else '50'},", f"{written},")
    (found,) = [each for each in heard(lint_text(text)) if each.severity is Severity.ERROR]
    assert found.remedy == remedy


@pytest.mark.parametrize("written", ["[400_384 steps]", "[4 million examples]", "[3 epochs]"])
def test_a_budget_in_another_unit_is_not_taken_for_tokens(written: str) -> None:
    text = GOOD.replace("[400_384]", written)
    (found,) = heard(lint_text(text))
    assert (found.remedy, found.fix) == ("write a whole number, in tokens", None)


@pytest.mark.parametrize("path", ['"a\u00a0b/*.txt"', "'a\u202fb.txt'", '"\u2009a.txt"'])
def test_letters_of_a_quoted_path_stay_when_those_between_words_are_mended(path: str) -> None:
    text = GOOD.replace("logging:", f"data: {{sources: {{tales: {{path: {path}}}}}}}\nlogging:")
    broken = text.replace("  batch_size: 8", "\u00a0 batch_size:\u00a08")
    fixed = fix_text(broken, lint_text)
    assert [found.code for found in fixed.applied] == ["LR001"]
    assert fixed.text == text


def test_a_broken_text_is_not_tried_for_ever() -> None:
    lines = [f"{' ' * (n % 40)}- a{n}: [1" for n in range(300)]
    (found,) = lint_text("\n".join(lines)).diagnostics
    assert found.code == "LR001"
