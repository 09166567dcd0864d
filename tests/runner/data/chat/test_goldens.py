"""Six conversations by five templates, and every sentence that refuses a bad one, as they lie beside their records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.data.chat.templates import BUILTIN
from tests.runner.data.chat import goldens


@pytest.mark.parametrize("case", goldens.cases(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_golden_says_what_it_said(case: Path) -> None:
    assert goldens.printed(case) == case.with_suffix(".out").read_text(encoding="utf-8")


def test_no_output_lies_there_without_its_record() -> None:
    assert [path.with_suffix(".json") for path in goldens.outputs()] == goldens.cases()


@pytest.mark.parametrize(
    "case", [path for path in goldens.cases() if path.parent.name == "refused"], ids=lambda p: p.stem
)
def test_a_refusal_is_one_sentence(case: Path) -> None:
    sentence = case.with_suffix(".out").read_text(encoding="utf-8")
    assert sentence.endswith("\n")
    assert sentence.count("\n") == 1
    assert not sentence.endswith(".\n")


@pytest.mark.parametrize("name", BUILTIN)
def test_the_token_behind_an_empty_answer_is_learned(name: str) -> None:
    record = json.loads((goldens.FOLDER / "conversations/empty_answer.json").read_text(encoding="utf-8"))
    _, encoded = goldens.encode(record, goldens.load_template(name, goldens.TOKENS), "assistant")
    learned = [number for number, flag in zip(encoded.ids, encoded.supervised, strict=True) if flag]
    first = goldens.tokenizer().id_to_token(learned[0])
    assert first in goldens.SPECIALS
