"""What LR222 advises can be obeyed: the keys that it names go together, and the tokenizer can render what they read."""

from __future__ import annotations

from typing import Any

import pytest

from schema.lint import lint_text
from tests.schema.goldens import environment_of

SPEC = """
tokenizer: {tokenizer}
data: {{sources: {{tasks: {{path: tasks.jsonl{keys}}}}}}}
training: {{tokens: 1B, dataset: [{{name: tasks, rate: 1.0, style: PADDED}}]}}
"""
BYTES, RENDERS = "{backend: byte}", "{backend: huggingface, name: models/smol}"
TASK = ["instruction", "input", "output"]
PAIR = {"prompt": "instruction", "completion": "output"}
CONVERSATION = "instruction: instruction, input: input, output: output"


def told(tokenizer: str, keys: str, fields: dict[str, Any]) -> list[tuple[str, str]]:
    machine = environment_of({"datasets": {"tasks": {"source": True, "fields": fields}}})
    spec = SPEC.format(tokenizer=tokenizer, keys=f", {keys}" if keys else "")
    found = lint_text(spec, environment=machine).diagnostics
    return [(each.code, each.remedy or "") for each in found if each.code in ("LR217", "LR222")]


@pytest.mark.parametrize(
    ("tokenizer", "keys", "read", "lost", "remedy"),
    [
        (
            RENDERS,
            "prompt: instruction, completion: output",
            PAIR,
            ["input"],
            f"write {CONVERSATION} under data/sources/tasks, in place of prompt and completion",
        ),
        (BYTES, "prompt: instruction, completion: output", PAIR, ["input"], "join it with the others in the files"),
        (
            RENDERS,
            "instruction: instruction, output: output",
            {"instruction": "instruction", "output": "output"},
            ["input"],
            f"write {CONVERSATION} under data/sources/tasks",
        ),
        (BYTES, "prompt: a, completion: b", PAIR, ["c", "d"], "join them with the others in the files"),
        (
            BYTES,
            "",
            {"text": "text"},
            ["abstract"],
            "name the field under data/sources/tasks, or join it with the others in the files",
        ),
    ],
)
def test_a_field_that_is_not_read_has_a_remedy_that_can_be_obeyed(
    tokenizer: str, keys: str, read: dict[str, str], lost: list[str], remedy: str
) -> None:
    first = TASK if "input" in lost else [*read.values(), *lost]
    assert told(tokenizer, keys, {"read": read, "first": first, "lost": lost}) == [("LR222", remedy)]


def test_the_keys_that_are_advised_are_of_one_kind() -> None:
    whole = {"read": {key: key for key in TASK}, "first": TASK, "lost": []}
    assert told(RENDERS, CONVERSATION, whole) == []
    both = f"prompt: instruction, completion: output, {CONVERSATION}"
    assert [code for code, _ in told(RENDERS, both, whole)] == ["LR217"]
