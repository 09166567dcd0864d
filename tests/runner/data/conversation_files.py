"""Conversations and a tokenizer with a chat template, small enough for the rows of `tests/runner/workplace`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.runner.data.tokenizer_folders import byte_level, folder
from tests.runner.workplace import SPEC

# `role: text`, and </s> behind each answer; it takes turns in any order, and ignores tools.
TEMPLATE = (
    "{% for m in messages %}{{ m.role[0] ~ ':' }}{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content ~ eos_token }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'a:' }}{% endif %}"
)


def conversation(*texts: str) -> dict[str, Any]:
    """A record in OpenAI's form: a user begins, and an assistant answers."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]}


CONVERSATIONS = [conversation(f"cat {n}", f"sat {n}", "mat", f"fat {n * n}") for n in range(100)]


def write_lines(path: Path, records: Iterable[Any]) -> Path:
    """Write records, one a line."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def chat_folder(path: Path, template: str = TEMPLATE) -> Path:
    """Save a tokenizer of 300 ids with a chat template of its own."""
    folder(path, byte_level())
    (path / "chat_template.jinja").write_text(template)
    return path


def fill_with_conversations(place: Path) -> None:
    """Write a spec of conversations, their file, and in `smol` the tokenizer."""
    named = SPEC.replace("tokenizer: {backend: byte}", "tokenizer: {backend: huggingface, name: smol}")
    (place / "spec.yaml").write_text(named.replace("{path: tales.jsonl}", "{path: chats.jsonl, messages: messages}"))
    write_lines(place / "chats.jsonl", CONVERSATIONS)
    chat_folder(place / "smol")
