"""What a model is asked, as ids: a text that it goes on from, or a conversation that it answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from runner.data.chat.conversation import Conversation, Message, read_conversation
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from schema.document.field_names import CONVERSATION_FIELDS


def encode_text(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the ids of a text, with the beginning of text where the tokenizer's documents have one.

    Raises Failure INVALID for a text without anything in it, or that is no Unicode.
    """
    if not text:
        raise Failure("the prompt is empty; write some text to go on from", ExitCode.INVALID)
    try:
        ids: list[int] = tokenizer.encode(text).tolist()
    except UnicodeEncodeError as error:
        raise Failure("the prompt is no text in UTF-8; write it in UTF-8", ExitCode.INVALID) from error
    return ids if tokenizer.begin is None else [tokenizer.begin, *ids]


def read_conversation_file(text: str, name: str, system: str | None) -> tuple[Conversation, bool]:
    """Read JSON: a list of messages, or a record that holds one, with its tools; `system` becomes the first message.

    Returns it without the assistant's message at its end, and whether there was one. Raises Failure INVALID.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Failure(
            f"{name} is no JSON of one conversation ({error}); write a list of messages {{role, content}}",
            ExitCode.INVALID,
        ) from error
    record = found if isinstance(found, dict) else {"messages": found}
    field = next((field for field in CONVERSATION_FIELDS if field in record), CONVERSATION_FIELDS[0])
    try:
        conversation = read_conversation(record, field, answered=False)
    except ValueError as error:
        raise Failure(f"{name}: {error}", ExitCode.INVALID) from error
    messages = conversation.messages
    answered = messages[-1].role == "assistant"
    messages = messages[:-1] if answered else messages
    if not messages:
        raise Failure(f"{name} has nothing to answer; write a user's message", ExitCode.INVALID)
    return with_system(replace(conversation, messages=messages), system, name), answered


def with_system(conversation: Conversation, system: str | None, name: str = "the conversation") -> Conversation:
    """Put a system message before a conversation that has none. Raises Failure INVALID where it has one."""
    if system is None:
        return conversation
    if conversation.messages and conversation.messages[0].role in ("system", "developer"):
        raise Failure(f"{name} has a system message already; leave out --system", ExitCode.INVALID)
    return replace(conversation, messages=(Message("system", system), *conversation.messages))


def read_prompt_file(path: Path) -> str:
    """Read a file of text. Raises Failure INVALID for one that is no UTF-8, STORAGE where it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is no text in UTF-8; write it in UTF-8", ExitCode.INVALID) from error
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror or error}", ExitCode.STORAGE) from error
