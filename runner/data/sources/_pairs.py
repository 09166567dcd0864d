"""Preference records: a prompt with a chosen and a rejected answer, in the forms that the field writes them in.

Texts: {prompt, chosen, rejected}, or two whole transcripts that say themselves where the last answer begins. Lists of
messages: the answers alone beside a prompt, or two whole conversations, whose common beginning is the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runner.data.file_kinds.rows import Row
from runner.data.sources._reading import Choice
from runner.data.sources._source import Dialogue, Document, Pair, Skipped
from runner.data.sources._texts import text_of
from runner.failure import ExitCode, Failure

if TYPE_CHECKING:  # text is read without chat templates
    from runner.data.chat.conversation import Conversation, Message

SIDES = ("chosen", "rejected")
TEXT, MESSAGES = "a text", "a list of messages"
DIFFERENT_PROMPTS = "with different prompts on both sides"
SAME_SIDES = "with chosen equal to rejected"
NO_ANSWER_IN = {side: f"with an empty {side} answer" for side in SIDES}
WORTHLESS_PAIRS = (DIFFERENT_PROMPTS, SAME_SIDES, *NO_ANSWER_IN.values())
# The turns of Anthropic's transcripts; behind the last of these an answer begins.
ASKED, ANSWERED = "\n\nHuman:", "\n\nAssistant:"

_KINDS = {Document: "texts", Dialogue: "lists of messages"}
Record = Mapping[str, Any]
Reading = Mapping[str, str]


class PairReader:
    """Reads the pairs of a source, which are all texts, or all conversations, as the first one is."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._first: type[Document | Dialogue] | None = None  # what each side of the first pair is

    def read(self, record: Record, reading: Reading, companions: Sequence[str], row: Row) -> Pair | Skipped:
        """Read a record as `read_pair` does. Raises Failure INVALID, with file and record, where that can't be."""
        numbers = [field for field in reading.values() if isinstance(record[field], int | float | Decimal)]
        record = {**record, **{field: text_of(record, field, row.where, self._choice) for field in numbers}}
        try:
            found = read_pair(record, reading, companions, row.where, row.done)
        except ValueError as error:
            raise Failure(f"{row.where}: {error}", ExitCode.INVALID) from error
        if isinstance(found, Pair):
            kind = type(found.chosen)
            self._first = self._first or kind
            if kind is not self._first:
                raise Failure(
                    f"{row.where}: these answers are {_KINDS[kind]}, and those before {_KINDS[self._first]}; make all "
                    "records of a source alike, or name two sources",
                    ExitCode.INVALID,
                )
        return found


def holds_text(value: Any) -> bool:
    """Whether a side is a text, not a list of messages."""
    return isinstance(value, str)


def read_pair(record: Record, reading: Reading, companions: Sequence[str], where: str, done: int) -> Pair | Skipped:
    """Read a record by the fields prompt (if there is one), chosen and rejected; `companions` go with conversations.

    What teaches nothing is skipped, with the reason: two equal sides, an empty one, sides with different prompts.
    Raises ValueError, one sentence, where a side is neither a text nor messages, or where an answer begins is not sure.
    """
    values = {key: record[field] for key, field in reading.items()}
    kinds = {key: _kind(value, reading[key]) for key, value in values.items()}
    if kinds["chosen"] != kinds["rejected"]:
        raise ValueError(
            f"'{reading['chosen']}' is {kinds['chosen']}, '{reading['rejected']}' {kinds['rejected']}; make both alike"
        )
    if kinds["chosen"] == TEXT and kinds.get("prompt", TEXT) == TEXT:
        found = _texts(values, reading, where, done)
    else:
        found = _conversations(
            values, reading, {name.rpartition(".")[2]: record[name] for name in companions}, where, done
        )
    return Skipped(found, where, done) if isinstance(found, str) else found


def _kind(value: Any, field: str) -> str:
    if isinstance(value, str):
        return TEXT
    if isinstance(value, Mapping) or (isinstance(value, list | tuple) and all(isinstance(m, Mapping) for m in value)):
        return MESSAGES
    shown = "null" if value is None else type(value).__name__
    raise ValueError(f"field '{field}' must be a text or a list of messages, not {shown}")


def _texts(values: Record, reading: Reading, where: str, done: int) -> Pair | str:
    """A pair of texts, or why it is left out."""
    chosen, rejected = values["chosen"], values["rejected"]
    if chosen == rejected:
        return SAME_SIDES
    prompt = values.get("prompt")
    if prompt is None:
        (prompt, chosen), (other, rejected) = (_transcript(values[side], reading[side]) for side in SIDES)
        if prompt != other:
            return DIFFERENT_PROMPTS
    for side, answer in zip(SIDES, (chosen, rejected), strict=True):
        if not answer.strip():
            return NO_ANSWER_IN[side]
    return Pair(Document(prompt, chosen, where, done), Document(prompt, rejected, where, done), where, done)


def _transcript(text: str, field: str) -> tuple[str, str]:
    """Divide a whole transcript into the prompt and the last answer. Raises ValueError where it has no turns."""
    place = text.rfind(ANSWERED)
    if place < 0 or text.rfind(ASKED) > place:
        raise ValueError(
            f"there is no prompt, and where the answer begins in '{field}' is not sure; write prompt: FIELD, the field "
            f"of what stands before both answers, or transcripts whose turns begin with {ASKED!r} and {ANSWERED!r}"
        )
    return text[: place + len(ANSWERED)], text[place + len(ANSWERED) :]


def _conversations(values: Record, reading: Reading, companions: Record, where: str, done: int) -> Pair | str:
    """A pair of conversations, or why it is left out."""
    prompt, *sides = (_messages(values.get(key), key) for key in ("prompt", *SIDES))
    if not all(sides):
        return NO_ANSWER_IN[SIDES[[*map(bool, sides)].index(False)]]
    if all(side[: len(prompt)] == prompt for side in sides) or _are_whole(values.get("prompt"), sides):
        prompt = []  # which both sides hold
    chosen, rejected = (
        _conversation([*prompt, *messages], companions, reading[side])
        for side, messages in zip(SIDES, sides, strict=True)
    )
    if chosen == rejected:
        return SAME_SIDES
    shared = len(chosen.messages) - len(sides[0]) if prompt else _common(chosen.messages, rejected.messages)
    if isinstance(values.get("prompt"), str) and not prompt:
        _check_asked(chosen.messages[:shared], values["prompt"], reading)
    if not shared:
        if chosen.messages[0].role == "assistant":
            raise ValueError("both answers stand without what was asked; write prompt: FIELD, the field that holds it")
        return DIFFERENT_PROMPTS
    for side, conversation in zip(SIDES, (chosen, rejected), strict=True):
        answer = conversation.messages[shared:]
        if any(message.role not in ("assistant", "tool") for message in answer):
            return DIFFERENT_PROMPTS
        if not any(message.role == "assistant" and not message.is_empty for message in answer):
            return NO_ANSWER_IN[side]
    better, worse = (Dialogue(_silenced(each, shared), where, done) for each in (chosen, rejected))
    return Pair(better, worse, where, done)


def _conversation(messages: list[Any], companions: Record, field: str) -> Conversation:
    from runner.data.chat.conversation import read_conversation  # text is read without chat templates

    try:
        return read_conversation({"messages": messages, **companions}, answered=False)
    except ValueError as error:
        raise ValueError(f"'{field}': {error}") from error


def _messages(value: Any, key: str) -> list[Any]:
    """The messages of a field: a prompt's text is a user's, an answer's an assistant's."""
    if value is None:
        return []
    if isinstance(value, str):
        return [{"role": "user" if key == "prompt" else "assistant", "content": value}]
    return [value] if isinstance(value, Mapping) else list(value)


def _are_whole(prompt: Any, sides: Sequence[Sequence[Any]]) -> bool:
    """Whether conversations begin with more than an answer, though a text beside them says what was asked."""
    speakers = [side[0].get("role", side[0].get("from")) for side in sides if side]
    return isinstance(prompt, str) and not any(speaker in ("assistant", "gpt", "chatgpt") for speaker in speakers)


def _check_asked(shared: Sequence[Message], prompt: str, reading: Reading) -> None:
    """Raise ValueError where no user asks what the field of the prompt says."""
    if not any(message.role == "user" and (message.content or "").strip() == prompt.strip() for message in shared):
        raise ValueError(
            f"what '{reading['prompt']}' says is not asked in '{reading['chosen']}' and '{reading['rejected']}'; leave "
            "one of the two out of the file"
        )


def _common(first: Sequence[Message], second: Sequence[Message]) -> int:
    """How many messages two conversations have in common at their beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(first), len(second)))


def _silenced(conversation: Conversation, shared: int) -> Conversation:
    """Give the answers within the prompt no weight."""
    messages = [
        replace(message, others=(*(each for each in message.others if each[0] != "weight"), ("weight", 0)))
        if message.role == "assistant" and place < shared
        else message
        for place, message in enumerate(conversation.messages)
    ]
    return replace(conversation, messages=tuple(messages))
