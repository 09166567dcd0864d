"""What records hold beside the fields that are read: known by name, and said where an example lacks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from runner.data.sources import fields_sentence
from runner.data.stores.prepare import prepare_store
from runner.data.tokenizers.byte import ByteTokenizer
from runner.environment import survey_data
from schema.document import read_document
from schema.environment import Fields
from schema.lint import lint_file
from schema.sections.data import Data
from tests.runner.data.conversation_files import conversation, write_lines
from tests.runner.data.listener import Listener
from tests.runner.data.record_files import PAIR, data_of, read
from tests.runner.workplace import fill

AS_CALLED = {"prompt": "prompt", "completion": "completion"}
TASK = ("instruction", "input", "output")


# Records, the keys of their source, and which of their fields are read, not read, and lost.
UNREAD: dict[str, tuple[list[dict[str, Any]], dict[str, str], Fields]] = {
    "the input of Alpaca's": (
        [{"instruction": "Add.", "input": "1 2", "output": "3"}],
        {"prompt": "instruction", "completion": "output"},
        Fields({"prompt": "instruction", "completion": "output"}, TASK, ("input",), ("input",)),
    ),
    "an input that some records have": (
        [{"instruction": "Hi.", "output": "Ho."}, {"instruction": "Add.", "input": "1 2", "output": "3"}],
        {"instruction": "instruction", "output": "output"},
        Fields({"instruction": "instruction", "output": "output"}, ("instruction", "output"), ("input",), ("input",)),
    ),
    "an input that nobody needs": (
        [
            {"instruction": "Hi.", "input": "", "output": "Ho."},
            {"instruction": "Add 1 2", "input": "1 2", "output": "3"},
        ],
        {"instruction": "instruction", "output": "output"},
        Fields({"instruction": "instruction", "output": "output"}, TASK, ("input",)),
    ),
    "a passage without a usual name": (
        [{**PAIR, "lines": "Sums are made of two numbers or more."}],
        {},
        Fields(AS_CALLED, ("prompt", "completion", "lines"), ("lines",), ("lines",)),
    ),
    "what identifies a document": (
        [{"text": "A tale. " * 99, "id": 7, "url": "https://a.b/c", "date": "2024-01-02 10:00", "title": "The tale"}],
        {},
        Fields({"text": "text"}, ("text", "id", "url", "date", "title"), ("id", "url", "date", "title")),
    ),
    "an example rendered in one more field": (
        [{"prompt": "1 + 2 = ", "completion": "3", "text": "### Task: 1 + 2 = ### Answer: 3"}],
        {},
        Fields(AS_CALLED, ("prompt", "completion", "text"), ("text",)),
    ),
    "a list of passages": (
        [{**PAIR, "passages": ["Sums are made of two numbers.", "Or of more."]}],
        {},
        Fields(AS_CALLED, ("prompt", "completion", "passages"), ("passages",), ("passages",)),
    ),
    "a conversation beside its rendering": (
        [{"text": "User: How far is it?\nBot: Far.", **conversation("How far is it?", "Far.")}],
        {},
        Fields({"text": "text"}, ("text", "messages"), ("messages",)),
    ),
    "the first turn of a conversation in one more field": (
        [{**conversation("How far is it?", "b"), "prompt": "How far is it?", "tools": None}],
        {"messages": "messages"},
        Fields({"messages": "messages"}, ("messages", "prompt", "tools"), ("prompt",)),
    ),
    "the answer that lost against the other one": (
        [{"prompt": "How far is it?", "chosen": "Far, as far as one can see.", "rejected": "I will not say it."}],
        {"prompt": "prompt", "completion": "chosen"},
        Fields({"prompt": "prompt", "completion": "chosen"}, ("prompt", "chosen", "rejected"), ("rejected",)),
    ),
    "what a conversation of a teacher was made from": (
        [
            {
                **conversation("How far is it?", "Twelve miles or more, by the map."),
                "answer": "12",
                "solution": "Measure on the map, and count the miles one by one.",
                "generations": ["Twelve miles or more, by the map.", "Nobody knows, for the map is torn."],
                "title": "A question of maps",
            }
        ],
        {"messages": "messages"},
        Fields(
            {"messages": "messages"},
            ("messages", "answer", "solution", "generations", "title"),
            ("answer", "solution", "generations", "title"),
        ),
    ),
    "what a conversation is about": (
        [
            {
                **conversation("How far is it?", "Twelve miles."),
                "system_prompt": "You know maps.",
                "papers": "The map says that it is twelve miles to the coast, and two more to the pier.",
            }
        ],
        {"messages": "messages"},
        Fields(
            {"messages": "messages"},
            ("messages", "system_prompt", "papers"),
            ("system_prompt", "papers"),
            ("system_prompt", "papers"),
        ),
    ),
}


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("case", UNREAD)
def test_what_is_not_read_is_known_by_name_and_what_an_example_lacks(case: str, suffix: str, tmp_path: Path) -> None:
    records, keys, fields = UNREAD[case]
    path = tmp_path / f"x.{suffix}"
    if suffix == "jsonl":
        write_lines(path, records)
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(sorted(records, key=len, reverse=True)), path)
    found = read(path, **keys)[1]
    if suffix == "parquet":  # whose records all have the same fields
        fields = fields._replace(first=found.first)
    assert found == fields


def test_a_field_that_is_nested_as_deeply_as_json_may_be_is_only_named(tmp_path: Path) -> None:
    nested = "[" * 900 + "]" * 900
    (tmp_path / "x.jsonl").write_text('{"text": "a tale", "tree": ' + nested + "}\n")
    assert read(tmp_path / "x.jsonl")[1] == Fields({"text": "text"}, ("text", "tree"), ("tree",))


def test_records_that_are_keyed_by_anything_fill_no_memory(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"text": "a tale", f"key {n}": n} for n in range(2000)])
    documents, fields = read(path)
    assert (len(documents), len(fields.unread)) == (2000, 100)


def test_preparation_says_which_fields_are_read_and_which_are_not(tmp_path: Path) -> None:
    records = [{"question": f"{n} + 1?", "answer": str(n + 1), "id": n} for n in range(99)]
    data = data_of(write_lines(tmp_path / "x.jsonl", records), prompt="question", completion="answer")
    listener = Listener()
    store = prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=listener)
    sentence = "fields read: 'question' as prompt and 'answer' as completion; not read: 'id'"
    assert fields_sentence(store.meta.fields) == sentence
    assert listener.sentences == [f"dataset 'x': {sentence}"]


@pytest.mark.parametrize(
    ("beside", "found"),
    [
        ({"input": "of 1 and 2"}, True),
        ({"context": "In tens."}, True),
        ({"id": "sum-7", "url": "https://a.b"}, False),
    ],
    ids=["the input of a task", "a context", "what names a record"],
)
def test_text_that_is_not_read_is_a_warning_before_a_store_is_made_and_after(
    beside: dict[str, str], found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "tales.jsonl", [{**PAIR, **beside}] * 99)

    def warned() -> bool:
        return "unread-field" in {each.slug for each in lint_file("spec.yaml", (), survey_data).diagnostics}

    assert warned() is found
    data = Data.model_validate({"root": "stores", "sources": {"tales": {"path": "tales.jsonl"}}})
    prepare_store("tales", "", data=data, tokenizer=ByteTokenizer(), progress=Listener(), styles=["PADDED"])
    assert survey_data(read_document((tmp_path / "spec.yaml").read_bytes(), "spec.yaml")).datasets["tales", ""].store
    assert warned() is found
