"""A conversation that can't be a row is refused by one sentence with its file and line, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.runner.data.conversation_files import (
    CONVERSATIONS,
    TEMPLATE,
    chat_folder,
    conversation,
    fill_with_conversations,
    write_lines,
)
from tests.runner.workplace import lorarun

EXEC = ("exec", "spec.yaml", "--run-dir", "run")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a spec of conversations; the tokenizer in `smol` has a chat template."""
    fill_with_conversations(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def image(record: dict[str, Any]) -> dict[str, Any]:
    record["messages"][0]["content"] = [{"type": "image_url", "image_url": {"url": "cat.png"}}]
    return record


TOOLS = {"tools": [{"type": "function", "function": {"name": "look"}}]}
NO_END = TEMPLATE.replace(" ~ eos_token", "")
WANTS_TURNS = "{% if messages[1].role == 'user' %}{{ raise_exception('it wants turns') }}{% endif %}" + TEMPLATE
TWO_USERS = {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}
RECORDS: dict[str, tuple[Any, str, str]] = {
    "an image": (
        image(conversation("a", "b")),
        TEMPLATE,
        "message 1 has a content part of type 'image_url', and only text can be trained on; remove the part or the "
        "conversation",
    ),
    "no messages": (
        {"text": "a"},
        TEMPLATE,
        "a record needs field 'messages'; it has 'text', and chats.jsonl:1 is read by 'messages'; make all records of "
        "a source alike",
    ),
    "no answer": (
        conversation("a"),
        TEMPLATE,
        "no assistant speaks, so there is nothing to learn; write chat/train_on: all, or add an answer",
    ),
    "dropped tools": (
        {**conversation("a", "b"), **TOOLS},
        TEMPLATE,
        "the chat template of 'smol' leaves out the tool 'look' ('look'); write a chat/template that renders it, or "
        "remove it from the conversation",
    ),
    "two users": (
        TWO_USERS,
        WANTS_TURNS,
        "the chat template of 'smol' refuses it: it wants turns; change the conversation or the template",
    ),
    "a failing template": (
        conversation("a", "b"),
        TEMPLATE + "{% if messages | length == 2 %}{{ nothing.at.all }}{% endif %}",
        "the chat template of 'smol' fails in line 1: 'nothing' is undefined; mend it or write another one",
    ),
    "no end of turn": (
        conversation("a", "b"),
        NO_END,
        "an answer is learned without a special token of this tokenizer at its end ('b'), so the model would never "
        "stop; write a chat/template that ends answers by such a token, before {% endgeneration %} where it has that",
    ),
    "half a character": (
        conversation("\ud83d", "b"),
        TEMPLATE,
        "a text holds half a surrogate pair (U+D83D), which is no character; remove it",
    ),
}


@pytest.mark.parametrize("case", RECORDS)
def test_a_bad_conversation_is_refused_with_its_line(case: str, here: Path) -> None:
    record, template, sentence = RECORDS[case]
    chat_folder(here / "smol", template)
    # Not the first of a batch, so that each is looked at.
    good = [] if template == NO_END else CONVERSATIONS[:2]
    write_lines(here / "chats.jsonl", [*good, record])
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (2, set())
    assert done.stderr == f"lorarun: chats.jsonl:{len(good) + 1}: {sentence}\n"


def test_the_first_that_cannot_be_encoded_is_named(here: Path) -> None:
    unending = "{% if messages[0].content == 'cat 7' %}" + NO_END + "{% else %}" + TEMPLATE + "{% endif %}"
    chat_folder(here / "smol", unending)
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (2, set())
    assert done.stderr.startswith("lorarun: chats.jsonl:8: an answer is learned without a special token of this")
