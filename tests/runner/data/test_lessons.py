"""What teaches nothing is left out by name, and a source of nothing else is refused before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.data.lessons import NO_ANSWER, NO_COMPLETION, left_out
from runner.data.sources import Dialogue, Document, Found, Skipped, find_source
from runner.data.stores.prepare import prepare_store
from runner.data.tokenizers.byte import ByteTokenizer
from runner.environment import survey_data
from runner.failure import ExitCode, Failure
from schema.document import read_document
from schema.environment import Obstacle
from schema.sections.data import Data
from tests.runner.data.conversation_files import conversation, write_lines
from tests.runner.data.listener import Listener
from tests.runner.workplace import SPEC, fill, lorarun

TASK = {"instruction": "Add.", "input": "1 2"}
KEYS = {"instruction": "instruction", "input": "input", "output": "output"}
CALL = {"type": "function", "function": {"name": "look", "arguments": "{}"}}
THOUGHT = {
    "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "reasoning": "so it is"}]
}
SILENCED = {"messages": [*conversation("a", "")["messages"], *conversation("b", "c")["messages"]]}
SILENCED["messages"][1] = {"role": "assistant", "content": "", "weight": 0}
CALLED = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": None, "tool_calls": [CALL]}]}

# A record, the keys of its source, chat/train_on, and why it is left out.
RECORDS: dict[str, tuple[dict[str, Any], dict[str, str], str, str | None]] = {
    "an empty completion": ({"prompt": "1 + 2 = ", "completion": ""}, {}, "all", NO_COMPLETION),
    "a completion of blanks": ({"prompt": "1 + 2 = ", "completion": " \n"}, {}, "all", NO_COMPLETION),
    "an empty text": ({"text": ""}, {}, "all", "empty"),
    "a text of blanks": ({"text": " \n"}, {}, "all", None),
    "a completion": ({"prompt": "1 + 2 = ", "completion": "3"}, {}, "all", None),
    "an empty answer": (conversation("a", ""), {"messages": "messages"}, "assistant", NO_ANSWER),
    "one empty answer of two": (conversation("a", "", "c", "d"), {"messages": "messages"}, "assistant", NO_ANSWER),
    "an empty answer before the last": (conversation("a", "", "c", "d"), {"messages": "messages"}, "last", None),
    "an empty last answer": (conversation("a", "b", "c", " "), {"messages": "messages"}, "last", NO_ANSWER),
    "an empty output": ({**TASK, "output": ""}, KEYS, "assistant", NO_ANSWER),
    "an empty output where all is learned": ({**TASK, "output": ""}, KEYS, "all", None),
    "an empty answer of weight 0": (SILENCED, {"messages": "messages"}, "assistant", None),
    "an answer that calls a tool": (CALLED, {"messages": "messages"}, "assistant", None),
    "an answer that is a thought": (THOUGHT, {"messages": "messages"}, "assistant", None),
}


@pytest.mark.parametrize("case", RECORDS)
def test_an_entry_that_teaches_nothing_is_left_out_for_its_reason(case: str, tmp_path: Path) -> None:
    record, keys, train_on, reason = RECORDS[case]
    path = write_lines(tmp_path / "x.jsonl", [record])
    source = find_source("x", Data.model_validate({"sources": {"x": {"path": str(path), **keys}}}))
    assert source is not None
    (entry,) = (each for each in source.documents() if not isinstance(each, Found | Skipped))
    assert isinstance(entry, Document | Dialogue)
    assert left_out(entry, train_on) == reason


def test_empty_completions_are_counted_and_are_no_rows(tmp_path: Path) -> None:
    records = [{"prompt": f"{n} + 1 = ", "completion": str(n + 1) if n % 4 else ""} for n in range(100)]
    data = Data.model_validate({"root": str(tmp_path / "s"), "sources": {"x": {"path": str(tmp_path / "x.jsonl")}}})
    write_lines(tmp_path / "x.jsonl", records)
    listener = Listener()
    store = prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=listener)
    ((reason, entries),) = store.meta.skipped.items()
    assert (entries, reason.startswith(f"{NO_COMPLETION} ({tmp_path}/x.jsonl:1, ")) == (25, True)
    assert sum(split.documents for split in store.meta.splits.values()) == 75
    assert f"dataset 'x': 25 entries were left out: 25 {reason}" in listener.sentences


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([{"prompt": "a", "completion": ""}] * 99, (99, "no completion to learn", NO_COMPLETION)),
        ([{"prompt": "a", "completion": "\t"}] * 2, (2, "no completion to learn", NO_COMPLETION)),
        ([{"text": ""}] * 3, (3, "no text", "empty")),
    ],
    ids=["empty completions", "blank completions", "empty texts"],
)
def test_a_source_that_teaches_nothing_is_refused_before_the_first_step(
    records: list[dict[str, str]], said: tuple[int, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "tales.jsonl", records)
    document = read_document(SPEC.encode(), "spec.yaml")
    obstacle = survey_data(document).datasets["tales", ""].obstacle
    assert isinstance(obstacle, Obstacle)
    entries, lacking, reason = said
    places = ", ".join(f"tales.jsonl:{line}" for line in range(1, min(entries, 3) + 1))
    more = ", …" if entries > 3 else ""
    assert obstacle.message == f"dataset 'tales' holds {lacking}: left out are {entries} {reason} ({places}{more})"
    data = Data.model_validate({"root": "stores", "sources": {"tales": {"path": "tales.jsonl"}}})
    with pytest.raises(Failure) as refused:
        prepare_store("tales", "", data=data, tokenizer=ByteTokenizer(), progress=Listener())
    assert refused.value.exit_code is ExitCode.INVALID
    assert str(refused.value) == f"{obstacle.message}; {obstacle.remedy}"
    done = lorarun(tmp_path, "validate", "--env", "spec.yaml")
    assert done.exit_code == 1
    assert obstacle.message in done.stdout


def test_one_completion_among_many_empty_ones_is_found_before_the_store_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "tales.jsonl", [{"prompt": "a", "completion": "" if n < 200 else "b"} for n in range(201)])
    assert survey_data(read_document(SPEC.encode(), "spec.yaml")).datasets["tales", ""].source
