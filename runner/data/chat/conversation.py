"""A conversation as a value, read from a record: OpenAI's `messages`, or `conversations` of from and value.

Whether a template can render it, and whether the turns alternate as it wants, is not checked here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner.data.chat.template import RESERVED

_SILENT = ("name", "weight")  # fields of a message that say nothing
ROLES = ("system", "developer", "user", "assistant", "tool")
# Keys by which templates look into tools and calls; other keys are texts of the user, such as names of arguments.
_STRUCTURE = {"type", "function", "id", "name", "description", "parameters", "arguments", "properties", "required"}
# The names of the form with from and value, and the roles that they stand for.
SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
}
# Older fields beside messages, and what to write in their place.
UNREAD = {
    "functions": "write tools: [{type: function, function: {name, description, parameters}}]",
    "history": "write all turns in order as messages",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `content` is None beside tool calls only; `others` are its further fields, as the record has them."""

    role: str
    content: str | None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    others: tuple[tuple[str, Any], ...] = ()

    @property
    def is_silenced(self) -> bool:
        """Whether OpenAI's field `weight` keeps an answer from being learned."""
        return dict(self.others).get("weight", 1) == 0

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing: neither a text, nor a call of a tool."""
        said = [self.content, *(value for field, value in self.others if field not in _SILENT)]
        return not self.tool_calls and not any(isinstance(each, str) and each.strip() for each in said)

    def record(self) -> dict[str, Any]:
        """Return the message as templates read it; fields without a value are left out."""
        content = {} if self.content is None else {"content": self.content}
        calls = {"tool_calls": list(self.tool_calls)} if self.tool_calls else {}
        return {"role": self.role, **content, **calls, **dict(self.others)}


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order, and the tools that the model is told of. What they hold is never changed."""

    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...] = ()

    def records(self) -> list[dict[str, Any]]:
        """Return the messages as templates read them."""
        return [message.record() for message in self.messages]

    def answers(self) -> list[int]:
        """Return the indices of the assistant's messages."""
        return [index for index, message in enumerate(self.messages) if message.role == "assistant"]

    def with_texts(self, change: Callable[[str], str]) -> Conversation:
        """Return a copy with every text, name and argument changed; roles and fields stay what they are."""
        return Conversation(
            tuple(
                replace(
                    message,
                    content=None if message.content is None else change(message.content),
                    tool_calls=tuple(_changed(call, change) for call in message.tool_calls),
                    others=tuple((key, _changed(value, change)) for key, value in message.others),
                )
                for message in self.messages
            ),
            tuple(_changed(tool, change) for tool in self.tools),
        )


def read_conversation(record: Mapping[str, Any], field: str = "messages", *, answered: bool = True) -> Conversation:
    """Read the conversation in a field of a record, and the record's `system` and `tools`.

    Raises ValueError, one sentence that says what is wrong and what to write; with `answered`, also where no assistant
    speaks, for nothing could be learned.
    """
    listed = record.get(field)
    if field not in record:
        fields = ", ".join(map(repr, record)) or "none"
        raise ValueError(f"there is no field '{field}' (the fields are {fields}); name the one that holds the messages")
    if not isinstance(listed, list | tuple):
        raise ValueError(f"'{field}' is {_kind(listed)}; write a list of {{role, content}}")
    if not listed:
        raise ValueError(
            f"'{field}' is an empty list; write at least a user's and an assistant's message, or remove it"
        )
    for name, remedy in UNREAD.items():
        if record.get(name) and name != field:
            raise ValueError(f"there is '{name}' beside '{field}', and nothing reads it; {remedy}")
    messages = tuple(_read_message(each, number) for number, each in enumerate(listed, start=1))
    messages = _read_system(None if field == "system" else record.get("system"), messages)
    conversation = Conversation(messages, _read_tools(record.get("tools")))
    if answered and not conversation.answers():
        raise ValueError(f"'{field}' has no assistant's message, so there is nothing to learn; add one or remove it")
    try:
        for text in texts_of([conversation.records(), conversation.tools]):
            _check_text(text)
    except RecursionError as error:
        raise ValueError("its tools or tool calls are nested too deeply; write flatter ones") from error
    return conversation


def texts_of(value: Any) -> Iterator[str]:
    """Yield every text in nested lists and mappings, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from texts_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_of(inner)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {_changed_key(key, change): _changed(inner, change) for key, inner in value.items()}
    return [_changed(inner, change) for inner in value] if isinstance(value, list | tuple) else value


def _changed_key(key: Any, change: Callable[[str], str]) -> Any:
    return change(key) if isinstance(key, str) and key not in _STRUCTURE else key


def _read_message(entry: Any, number: int) -> Message:
    if not isinstance(entry, Mapping):
        raise ValueError(f"message {number} is {_kind(entry)}; write {{role, content}}")
    fields = {key: value for key, value in entry.items() if value is not None}
    if "role" not in fields and "from" in fields:
        fields = _from_speaker(fields, number)
    role = fields.pop("role", None)
    if role is None:
        raise ValueError(f"message {number} has no role; write one of {', '.join(ROLES)}")
    if role not in ROLES:
        raise ValueError(f"message {number} has the role {role!r}; write one of {', '.join(ROLES)}")
    calls = _read_calls(fields.pop("tool_calls", None), role, number)
    if fields.get("function_call"):
        raise ValueError(
            f"message {number} ({role}) has function_call, and nothing reads it; write tool_calls: [{{type: function, "
            "function: {name, arguments}}]"
        )
    content = _read_content(fields.pop("content", None), number)
    if content is None and not calls:
        remedy = 'content: "" for an empty answer, or tool_calls' if role == "assistant" else "its content"
        raise ValueError(f"message {number} ({role}) has no content; write {remedy}")
    weight = fields.get("weight", 1)
    if weight not in (0, 1) or (weight == 0 and role != "assistant"):
        raise ValueError(f"message {number} ({role}) has the weight {weight!r}; write 0 or 1, and 0 for answers only")
    return Message(role, content, calls, tuple(fields.items()))


def _from_speaker(fields: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Translate {from, value} into {role, content}."""
    speaker = fields["from"]
    if not isinstance(speaker, str) or speaker not in SPEAKERS:
        raise ValueError(
            f"message {number} is from {speaker!r}; write one of {', '.join(SPEAKERS)}, or use {{role, content}}"
        )
    others = {key: value for key, value in fields.items() if key not in ("from", "value")}
    return {"role": SPEAKERS[speaker], "content": fields.get("value"), **others}


def _read_content(content: Any, number: int) -> str | None:
    """Return a message's text; a list of text parts is one text. Raises ValueError for images and the like."""
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        raise ValueError(f"the content of message {number} is {_kind(content)}; write text, or null beside tool_calls")
    for part in content:
        kind = part.get("type", "nameless") if isinstance(part, Mapping) else _kind(part)
        if kind != "text" or not isinstance(part.get("text"), str):
            raise ValueError(
                f"message {number} has a content part of type {kind!r}, and only text can be trained on; remove the "
                "part or the conversation"
            )
    return "".join(part["text"] for part in content)


def _read_system(text: Any, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Put what a record's field `system` says before its messages. Raises ValueError where they have that turn too."""
    if text is None or text == "":
        return messages
    if not isinstance(text, str):
        raise ValueError(f"'system' is {_kind(text)}; write the text of the system's turn, or call the field otherwise")
    if messages[0].role not in ("system", "developer"):
        return (Message("system", text), *messages)
    if messages[0].content != text:
        raise ValueError("'system' and the first message are two system turns; leave out one")
    return messages


def _read_calls(calls: Any, role: str, number: int) -> tuple[Mapping[str, Any], ...]:
    if not calls:
        return ()
    if role != "assistant":
        raise ValueError(f"message {number} ({role}) has tool_calls; only an assistant calls tools: correct its role")
    if not isinstance(calls, list | tuple) or not all(_is_function(call) for call in calls):
        raise ValueError(
            f"the tool_calls of message {number} are no list of calls; write [{{type: function, function: "
            "{name, arguments}}]"
        )
    return tuple(calls)


def _read_tools(tools: Any) -> tuple[Mapping[str, Any], ...]:
    """Read tools, which some datasets hold as a text of JSON, for their columns must be of one type."""
    if isinstance(tools, str) and tools.strip():
        try:
            tools = json.loads(tools)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"'tools' is a text, but no JSON ({error}); write a list of tools") from error
    if not tools:
        return ()
    if not isinstance(tools, list | tuple) or not all(_is_function(tool) for tool in tools):
        raise ValueError(
            "'tools' is no list of tools; write [{type: function, function: {name, description, parameters}}]"
        )
    return tuple(tools)


def _is_function(entry: Any) -> bool:
    """Whether a tool or a call has a name, where OpenAI puts it or at its top."""
    if not isinstance(entry, Mapping):
        return False
    function = entry.get("function", entry)
    return isinstance(function, Mapping) and isinstance(function.get("name"), str)


def _check_text(text: str) -> None:
    if reserved := RESERVED.search(text):
        raise ValueError(f"a text holds U+{ord(reserved[0]):04X}, which is no character; remove it")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = f"U+{ord(text[error.start]):04X}"
        raise ValueError(f"a text holds half a surrogate pair ({code}), which is no character; remove it") from error


def _kind(value: Any) -> str:
    names = {
        type(None): "null",
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        dict: "an object",
    }
    return names.get(type(value), "a list" if isinstance(value, list | tuple) else type(value).__name__)
