"""Sources of conversations: messages, from and value, instructions, in .jsonl and .parquet, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.data.chat.encode import ChatEncoder
from runner.data.chat.recipe import load_recipe
from runner.data.chat.rows import ChatRows
from runner.data.sources import Dialogue, find_source
from runner.data.tokenizers.huggingface import load_huggingface
from runner.failure import ExitCode, Failure
from schema.sections.chat import Chat
from schema.sections.data import Data
from tests.runner.data.conversation_files import chat_folder, conversation, write_lines

TURNS = conversation("a", "b")
SPOKEN = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
TASK = {"instruction": "Add.", "input": "1 2", "output": "3"}
TASKS = {"instruction": "instruction", "input": "input", "output": "output"}
CALL = {"type": "function", "function": {"name": "look", "arguments": '{"at": "cat"}'}}
CALLED = [{"role": "user", "content": "a"}, {"role": "assistant", "content": None, "tool_calls": [CALL]}]


def dialogues(path: Path, **fields: str) -> list[Dialogue]:
    source = find_source("x", Data.model_validate({"sources": {"x": {"path": str(path), **fields}}}))
    assert source is not None
    found = [entry for entry in source.documents() if isinstance(entry, Dialogue)]
    assert source.total == (found[-1].done if found else 0)
    return found


def said(dialogue: Dialogue) -> list[tuple[str, str | None]]:
    return [(message.role, message.content) for message in dialogue.conversation.messages]


def text_of(tmp_path: Path, dialogue: Dialogue, template: str) -> str:
    """What a row of a dialogue holds, as text."""
    tokenizer = load_huggingface(str(chat_folder(tmp_path / "smol")))
    recipe = load_recipe(Chat(template=template, train_on="all"), tokenizer.folder, tokenizer.facts)
    (encoded,) = ChatRows(recipe, ChatEncoder(tokenizer.opening)).encode([dialogue])
    return tokenizer.decode(encoded.ids)


def test_both_forms_are_read_in_order_with_their_places(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [TURNS, TURNS])
    first, second = dialogues(path, messages="messages")
    assert said(first) == [("user", "a"), ("assistant", "b")]
    assert (first.where, second.where) == (f"{path}:1", f"{path}:2")
    (spoken,) = dialogues(write_lines(path, [SPOKEN]), messages="conversations")
    assert spoken.conversation == first.conversation


def test_a_table_of_conversations_is_read_as_the_lines_are(tmp_path: Path) -> None:
    records = [{"messages": CALLED, "tools": [CALL], "score": 1}, {**TURNS, "tools": None, "score": 2}]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "x.parquet")
    in_lines = dialogues(write_lines(tmp_path / "x.jsonl", records), messages="messages")
    in_table = dialogues(tmp_path / "x.parquet", messages="messages")
    assert [each.conversation for each in in_table] == [each.conversation for each in in_lines]
    assert in_table[1].where == f"{tmp_path / 'x.parquet'}, row 2"


def test_a_table_fills_calls_up_with_the_arguments_of_others_which_nobody_learns(tmp_path: Path) -> None:
    def called(name: str, **arguments: int) -> list[dict[str, Any]]:
        function = {"name": name, "arguments": arguments}
        return [{"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": function}]}]

    def tool(name: str, parameter: str) -> list[dict[str, Any]]:
        schema = {"properties": {parameter: {"type": "integer"}}}
        return [{"type": "function", "function": {"name": name, "parameters": schema}}]

    records = [
        {"messages": called("look", at=1), "tools": tool("look", "at")},
        {"messages": called("add", to=2), "tools": tool("add", "to")},
    ]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "x.parquet")
    in_lines = dialogues(write_lines(tmp_path / "x.jsonl", records), messages="messages")
    in_table = dialogues(tmp_path / "x.parquet", messages="messages")
    assert [each.conversation for each in in_table] == [each.conversation for each in in_lines]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("record", "fields"),
    [(TURNS, {"messages": "messages"}), (SPOKEN, {"messages": "conversations"}), (TASK, TASKS)],
    ids=["messages", "speakers", "instruction"],
)
def test_the_field_system_is_the_first_turn(
    suffix: str, record: dict[str, Any], fields: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / f"x{suffix}"
    records = [{**record, "system": "Be brief."}, {**record, "system": ""}, {**record, "system": None}]
    if suffix == ".jsonl":
        write_lines(path, records)
    else:
        pq.write_table(pa.Table.from_pylist(records), path)
    first, *others = dialogues(path, **fields)
    assert said(first) == [("system", "Be brief."), *said(others[0])]
    assert [len(said(other)) for other in others] == [2, 2]


def test_an_instruction_is_a_conversation_whose_input_stands_where_the_template_has_it(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [TASK, {**TASK, "input": ""}, {**TASK, "input": None}])
    task, *others = dialogues(path, **TASKS)
    assert "### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:\n3" in text_of(tmp_path, task, "alpaca")
    assert "[INST] Add.\n\n1 2[/INST] 3" in text_of(tmp_path, task, "mistral")
    for each in others:
        assert said(each) == [("user", "Add."), ("assistant", "3")]
        assert "[INST] Add.[/INST] 3" in text_of(tmp_path, each, "mistral")
    (bare,) = dialogues(write_lines(path, [TASK]), instruction="instruction", output="output")
    assert "Input" not in text_of(tmp_path, bare, "alpaca")


REFUSED: dict[str, tuple[Any, dict[str, str], str]] = {
    "no field of this name": (
        {"chat": []},
        {"messages": "messages"},
        ":1: a record needs field 'messages'; it has 'chat'; name its fields under data/sources/x",
    ),
    "null for messages": (
        {"messages": None},
        {"messages": "messages"},
        ":1: 'messages' is null; write a list of {role, content}",
    ),
    "functions of OpenAI's older form": (
        {**TURNS, "functions": [CALL["function"]]},
        {"messages": "messages"},
        ":1: there is 'functions' beside 'messages', and nothing reads it; write tools: [{type: function, function: "
        "{name, description, parameters}}]",
    ),
    "turns before an instruction": (
        {**TASK, "history": [["a", "b"]]},
        TASKS,
        ":1: there is 'history' beside 'messages', and nothing reads it; write all turns in order as messages",
    ),
    "another usual name": (
        {"conversations": []},
        {"messages": "messages"},
        ":1: a record needs field 'messages'; it has 'conversations'; write messages: conversations under "
        "data/sources/x",
    ),
    "text for messages": (
        {"messages": "a"},
        {"messages": "messages"},
        ":1: 'messages' is text; write a list of {role, content}",
    ),
    "no message": (
        {"messages": []},
        {"messages": "messages"},
        ":1: 'messages' is an empty list; write at least a user's and an assistant's message, or remove it",
    ),
    "no input": (
        {"instruction": "Add.", "output": "3"},
        TASKS,
        ":1: a record needs fields 'instruction', 'input' and 'output'; it has 'instruction', 'output'; give each "
        "record one, or leave input out under data/sources/x",
    ),
    "a number for an answer": (
        {**TASK, "output": 3},
        TASKS,
        ":1: field 'output' must be text, not int; to read numbers, write numbers_as_text: true under data/sources/x",
    ),
    "no answer": ({**TASK, "output": None}, TASKS, ":1: field 'output' must be text, not null"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_malformed_record_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    record, fields, sentence = REFUSED[case]
    with pytest.raises(Failure) as refused:
        dialogues(write_lines(tmp_path / "x.jsonl", [record]), **fields)
    assert str(refused.value).endswith(sentence)
    assert refused.value.exit_code is ExitCode.INVALID


def test_a_text_file_holds_no_conversations(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("a")
    with pytest.raises(Failure, match=r"x\.txt: a \.txt file has no records, and conversations are read from their"):
        dialogues(tmp_path, messages="messages")


def test_fields_of_two_kinds_are_refused_where_no_linter_has_seen_them(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [TURNS])
    with pytest.raises(Failure, match="data/sources/x names messages, and instruction and output of another kind"):
        dialogues(path, messages="messages", instruction="instruction", output="output")
