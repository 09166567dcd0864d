"""Records become conversations, in both forms, or one sentence; whatever else they hold, nothing else comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.data.chat.conversation import Conversation, Message, read_conversation
from runner.data.chat.lost import check_kept
from tests.runner.data.chat.goldens import FOLDER

HELLO = (Message("user", "Hi"), Message("assistant", "Hello"))
OPENAI = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
CALL = {"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
TOOL = {"type": "function", "function": {"name": "f", "description": "d"}}


@pytest.mark.parametrize(
    "record",
    [
        {"messages": OPENAI},
        {"messages": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
        {"messages": [{**message, "name": None, "tool_calls": None} for message in OPENAI], "tools": None},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]},
                OPENAI[1],
            ]
        },
        {"messages": tuple(OPENAI), "tools": ""},
    ],
    ids=["openai", "speakers", "fixed columns", "text parts", "tuple"],
)
def test_both_forms_are_the_same_conversation(record: dict[str, Any]) -> None:
    assert read_conversation(record) == Conversation(HELLO)


def test_the_field_may_have_another_name() -> None:
    assert read_conversation({"chat": OPENAI}, "chat") == Conversation(HELLO)


def test_tools_may_be_a_text_of_json() -> None:
    as_list, as_text = ({"messages": OPENAI, "tools": tools} for tools in ([TOOL], json.dumps([TOOL])))
    assert read_conversation(as_list) == read_conversation(as_text)
    assert read_conversation(as_list).tools == (TOOL,)


def test_a_message_is_rendered_as_it_was_written() -> None:
    messages = [OPENAI[0], {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "content": "1", "name": "f"}]
    assert read_conversation({"messages": messages}).records() == messages


def test_a_prompt_alone_is_a_conversation_where_no_answer_is_asked_for() -> None:
    assert read_conversation({"messages": OPENAI[:1]}, answered=False).messages == HELLO[:1]


def test_a_change_reaches_every_text_but_roles_and_fields() -> None:
    messages = [{"role": "user", "content": "Hi", "note": ["n"]}, {"role": "assistant", "tool_calls": [CALL]}]
    changed = read_conversation({"messages": messages, "tools": [TOOL]}).with_texts(str.upper)
    assert changed.records() == [
        {"role": "user", "content": "HI", "note": ["N"]},
        {"role": "assistant", "tool_calls": [{"type": "FUNCTION", "function": {"name": "F", "arguments": {"X": 1}}}]},
    ]
    assert changed.tools == ({"type": "FUNCTION", "function": {"name": "F", "description": "D"}},)


def test_a_nest_too_deep_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    call = {"function": {"name": "f", "arguments": deep}}
    with pytest.raises(ValueError, match="nested too deeply"):
        read_conversation({"messages": [OPENAI[0], {"role": "assistant", "tool_calls": [call]}]})


WORDS = st.sampled_from(
    ["role", "content", "from", "value", "tool_calls", "function", "name", "user", "assistant", "gpt"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["messages", "tools", "system", "functions"]), JSON))
def test_any_record_is_a_conversation_or_one_sentence(record: dict[str, Any]) -> None:
    try:
        found = read_conversation(record)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert found.answers()


@pytest.mark.parametrize("case", sorted((FOLDER / "conversations").glob("*.json")), ids=lambda path: path.stem)
def test_a_text_that_is_left_out_is_noticed(case: Any) -> None:
    record = json.loads(case.read_text(encoding="utf-8"))
    found = read_conversation(record, "conversations" if "conversations" in record else "messages")
    texts = [message.content for message in found.messages if message.content]
    tools = [json.dumps(each, ensure_ascii=False) for each in found.tools]
    calls = [json.dumps(call) for message in found.messages for call in message.tool_calls]
    check_kept(found, "|".join([*texts, *tools, *calls]), "T")
    parts = [*texts, *tools, *calls]
    for place in range(len(parts)):
        with pytest.raises(ValueError, match=r"^T leaves out "):
            check_kept(found, "|".join(parts[:place] + parts[place + 1 :]), "T")
