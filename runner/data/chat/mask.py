"""Which characters of a rendered conversation are learned: answers with their end of turn, found for sure or refused.

A template with {% generation %} marks says so itself. Without marks, the text before an answer and that up to its end
are rendered on their own: where both begin the whole, their difference is the answer. Nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from runner.data.chat.conversation import Conversation, Message
from runner.data.chat.template import ChatTemplate, Rendered, Spans

TrainOn = Literal["assistant", "last", "all"]

_REMEDY = "enclose answers in {% generation %} … {% endgeneration %} in the template, or write another chat/template"


def supervised_spans(conversation: Conversation, template: ChatTemplate, whole: Rendered, train_on: TrainOn) -> Spans:
    """Return the spans [start, end) of `whole`, the rendering of the conversation, that are learned, in order.

    Raises ValueError, one sentence that names the message and what to write, where an answer can't be found for sure.
    """
    answers = conversation.answers()
    silenced = {index for index in answers if conversation.messages[index].is_silenced}
    if train_on == "all":
        if silenced:
            raise ValueError(
                f"message {min(silenced) + 1} has weight 0, and all is learned; write chat/train_on: assistant, or "
                "remove the weight"
            )
        return ((0, len(whole.text)),)
    if not answers:
        raise ValueError(
            "no assistant speaks, so there is nothing to learn; write chat/train_on: all, or add an answer"
        )
    wanted = [index for index in (answers[-1:] if train_on == "last" else answers) if index not in silenced]
    if not template.has_marks:
        return tuple(_span_of(conversation, index, template, whole.text) for index in wanted)
    spans = _marked(answers, whole, template.name)
    if silenced:
        return tuple(span for index, span in _paired(answers, spans, template.name) if index in wanted)
    return spans if train_on == "assistant" else _last_of(spans, conversation, template, whole.text)


def _paired(answers: list[int], spans: Spans, name: str) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each answer with its mark."""
    if len(answers) != len(spans):
        raise ValueError(
            f"{name} marks {len(spans)} places for {len(answers)} answers, and which of them have weight 0 is not "
            "sure; enclose each answer in one {% generation %}, or remove the weights"
        )
    return zip(answers, spans, strict=True)


def _marked(answers: list[int], whole: Rendered, name: str) -> Spans:
    """The marks of a template, checked against the answers: each has one, or several."""
    spans = whole.generated
    if len(spans) < len(answers):
        raise ValueError(
            f"{name} marks {len(spans)} of {len(answers)} answers; put every assistant's message into "
            "{% generation %} … {% endgeneration %}, or write chat/train_on: all"
        )
    if len(spans) == len(answers):
        for index, (start, end) in zip(answers, spans, strict=True):
            if start == end:
                raise ValueError(
                    f"the answer in message {index + 1} is empty, and {name} marks no end of turn behind it; put the "
                    "token that ends a turn before {% endgeneration %}"
                )
    return tuple((start, end) for start, end in spans if start < end)


def _last_of(spans: Spans, conversation: Conversation, template: ChatTemplate, text: str) -> Spans:
    """Those marks that belong to the last answer, of which a template may mark several parts."""
    answers = conversation.answers()
    if len(spans) == len(answers):
        return spans[-1:]
    try:
        before = template.render(conversation.records()[: answers[-1]], list(conversation.tools), prompt=True).text
    except ValueError:
        before = ""
    if not before or not text.startswith(before):
        raise ValueError(
            f"{template.name} marks {len(spans)} places for {len(answers)} answers, and which belong to the last is "
            "not sure; enclose each answer in one {% generation %}, or write chat/train_on: assistant"
        )
    return tuple(span for span in spans if span[0] >= len(before))


def _span_of(conversation: Conversation, index: int, template: ChatTemplate, text: str) -> tuple[int, int]:
    """Find one answer by rendering what stands before it, and with it."""
    message, records, tools = conversation.messages[index], conversation.records(), list(conversation.tools)
    unsure = f"which part of the text is the answer in message {index + 1} is not sure"
    try:
        before = template.render(records[:index], tools, prompt=True).text
        behind = template.render(records[: index + 1], tools).text
        # A template that writes nothing to ask for an answer may put the name of the speaker into it.
        is_asked = _begins(behind[len(before) :], message) or before != template.render(records[:index], tools).text
    except ValueError as error:
        raise ValueError(f"{unsure}, for what stands before it can't be rendered alone ({error}): {_REMEDY}") from error
    if not behind.startswith(before) or not text.startswith(behind):
        first = "let a user speak first, " if index == 0 else ""
        raise ValueError(
            f"{unsure}, for {template.name} renders earlier messages in another way later: {first}{_REMEDY}"
        )
    answer = behind[len(before) :].rstrip("\n")
    if not _holds(answer, message):
        raise ValueError(f"{unsure}, for its text stands elsewhere: {_REMEDY}")
    if not is_asked:
        raise ValueError(f"{unsure}, for {template.name} ignores add_generation_prompt: {_REMEDY}")
    return len(before), len(before) + len(answer)


def _holds(answer: str, message: Message) -> bool:
    return bool(answer) and (message.content or "").strip() in answer


def _begins(answer: str, message: Message) -> bool:
    content = (message.content or "").strip()
    return bool(content) and answer.lstrip().startswith(content)
