"""Answers are found by marks or by rendering, alike; what is learned is the last, all answers, or everything."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest

from runner.data.chat import templates
from runner.data.chat.mask import TrainOn
from runner.data.chat.template import ChatTemplate, compile_template
from runner.data.chat.templates import load_template
from tests.runner.data.chat.goldens import FOLDER, TOKENS, encode, marked

CASES = sorted((FOLDER / "conversations").glob("*.json"))


def unmarked(name: str) -> ChatTemplate:
    """A built-in template without its marks."""
    source = files(templates).joinpath(f"{name}.jinja").read_text(encoding="utf-8")
    return compile_template(re.sub(r" *\{%- (end)?generation %\}\n", "", source), name, TOKENS)


def turns(*words: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[place % 2], "content": word} for place, word in enumerate(words)]}


@pytest.mark.parametrize("name", ["chatml", "llama3", "gemma", "alpaca"])
@pytest.mark.parametrize("case", [path for path in CASES if path.stem != "tools"], ids=lambda path: path.stem)
@pytest.mark.parametrize("train_on", ["assistant", "last", "all"])
def test_rendering_finds_what_marks_say(name: str, case: Any, train_on: TrainOn) -> None:
    record = json.loads(case.read_text(encoding="utf-8"))
    by_marks = encode(record, load_template(name, TOKENS), train_on)
    assert not unmarked(name).has_marks
    assert encode(record, unmarked(name), train_on) == by_marks


def test_the_last_answer_alone_may_be_learned() -> None:
    shown = marked(*encode(turns("a", "b", "c", "d"), load_template("mistral", TOKENS), "last"))
    assert shown == "‹<s>›‹[INST]› a‹[/INST]› b‹</s>›‹[INST]› c‹[/INST]›⟦ d‹</s>›⟧"


def test_everything_may_be_learned() -> None:
    row, encoded = encode(turns("a", "b"), load_template("chatml"), "all")
    assert row.spans == ((0, len(row.text)),)
    assert all(encoded.supervised)


def test_everything_of_a_conversation_without_an_answer_may_be_learned() -> None:
    _, encoded = encode(turns("a"), load_template("chatml"), "all", answered=False)
    assert all(encoded.supervised)


SEVERAL = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
    "{% endgeneration %}{% generation %}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_several_marks_of_the_last_answer_belong_together() -> None:
    shown = marked(*encode(turns("a", "b", "c", "d"), compile_template(SEVERAL, "T"), "last"))
    assert shown.endswith("‹<|im_start|>›assistant\n⟦d‹<|im_end|>›⟧")
    assert shown.count("⟦") == 1


def test_an_old_thought_that_is_dropped_does_not_hinder_learning_the_last_answer() -> None:
    # As with Qwen 3: what is empty is no loss, but earlier answers are rendered in another way than the last.
    source = SEVERAL.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    source = source.replace("{% if m.role == 'assistant' %}", "{% if m.role == 'assistant' %}{{ '<t>' if loop.last }}")
    template = compile_template(source, "T")
    with pytest.raises(ValueError, match="answer in message 2 is not sure"):
        encode(turns("a", "b", "c", "d"), template)
    shown = marked(*encode(turns("a", "b", "c", "d"), template, "last"))
    assert shown.endswith("‹<|im_start|>›assistant\n⟦<t>d‹<|im_end|>›⟧")


@pytest.mark.parametrize("template", [load_template("chatml"), unmarked("chatml")], ids=["marked", "unmarked"])
@pytest.mark.parametrize(
    ("train_on", "weights", "learned"),
    [("assistant", (0, 1), ["d"]), ("assistant", (1, 0), ["b"]), ("last", (0, 1), ["d"]), ("last", (1, 0), [])],
)
def test_an_answer_of_weight_0_is_not_learned(
    template: ChatTemplate, train_on: TrainOn, weights: tuple[int, int], learned: list[str]
) -> None:
    record = turns("a", "b", "c", "d")
    for message, weight in zip(record["messages"][1::2], weights, strict=True):
        message["weight"] = weight
    row, _ = encode(record, template, train_on)
    assert [row.text[start:end].removesuffix("<|im_end|>") for start, end in row.spans] == learned
