"""What a rendering lost: some templates drop tools, tool calls or thoughts in silence, and nobody would learn them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from runner.data.chat.conversation import Conversation, Message
from runner.data.chat.template import OPEN

# Fields besides `content` that hold what an assistant thought, or what an instruction is about.
TEXT_FIELDS = ("reasoning_content", "reasoning", "thinking", "input")
_SHOWN = 40  # characters of a lost text


def check_kept(conversation: Conversation, text: str, name: str) -> None:
    """Check that every text, tool call and tool of a conversation stands in its rendering, as often as it was said.

    Blanks around a text may go, and it may be escaped as in JSON. Raises ValueError, one sentence, for the first loss.
    """
    parts = [(what, stripped) for what, part in _parts(conversation) if (stripped := part.strip())]
    said = OPEN.join(part for _, part in parts)  # which stands in no text
    checked = set()
    for what, part in parts:
        if part in checked:
            continue
        checked.add(part)
        if sum(map(text.count, _forms(part))) < said.count(part):
            shown = part if len(part) <= _SHOWN else f"{part[: _SHOWN - 1]}…"
            raise ValueError(
                f"{name} leaves out {what} ({shown!r}); write a chat/template that renders it, or remove it from the "
                "conversation"
            )


def _parts(conversation: Conversation) -> Iterator[tuple[str, str]]:
    """Yield every text that must be found again, with the words for where it stands."""
    for tool in conversation.tools:
        function = tool.get("function", tool)
        for part in (function["name"], *_described(function)):
            yield f"the tool '{function['name']}'", part
    for number, message in enumerate(conversation.messages, start=1):
        yield from _message_parts(message, number)


def _message_parts(message: Message, number: int) -> Iterator[tuple[str, str]]:
    yield f"the content of message {number} ({message.role})", message.content or ""
    for key, value in message.others:
        if key in TEXT_FIELDS and isinstance(value, str):
            yield f"the {key} of message {number} ({message.role})", value
    for call in message.tool_calls:
        function = call.get("function", call)
        for part in (function["name"], *_argued(_arguments(function))):
            yield f"a tool call of message {number} ({message.role})", part


def _described(schema: Any) -> Iterator[str]:
    """Yield descriptions and the names of parameters: types and the like, each template writes in its own way."""
    if isinstance(schema, Mapping):
        if isinstance(schema.get("description"), str):
            yield schema["description"]
        if isinstance(schema.get("properties"), Mapping):
            yield from map(str, schema["properties"])
        for key, value in schema.items():
            if key != "description" or not isinstance(value, str):
                yield from _described(value)
    elif isinstance(schema, list | tuple):
        for each in schema:
            yield from _described(each)


def _arguments(function: Mapping[str, Any]) -> Any:
    """The arguments of a call; OpenAI's form holds them as a text of JSON."""
    arguments = function.get("arguments", function.get("parameters"))
    if isinstance(arguments, str):
        try:
            return json.loads(arguments)
        except (ValueError, RecursionError):
            return arguments
    return arguments


def _argued(value: Any) -> Iterator[str]:
    """Yield the names and values of arguments; true, false and null, each template writes in its own way."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _argued(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _argued(inner)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value)


def _forms(part: str) -> set[str]:
    """A text as it is, and as JSON holds it: once, twice, and with nothing but ASCII."""
    once = json.dumps(part, ensure_ascii=False)[1:-1]
    return {part, once, json.dumps(once, ensure_ascii=False)[1:-1], json.dumps(part)[1:-1]}
