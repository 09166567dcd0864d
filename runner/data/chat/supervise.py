"""From a conversation to text with its supervised spans, every check made on the way: the door of this folder."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner.data.chat.conversation import Conversation, Message
from runner.data.chat.literal import SpecialTexts, render_guarded
from runner.data.chat.lost import check_kept
from runner.data.chat.mask import TrainOn, supervised_spans
from runner.data.chat.template import ChatTemplate, Rendered, Spans


@dataclass(frozen=True, slots=True)
class Supervised:
    """A rendered conversation: `spans` [start, end) of `text` are learned.

    `guarded` is as long as `text`; special tokens are those that it spells. `spoken` says whether spans are answers
    (not the whole text), which must end with the end of a turn.
    """

    text: str
    guarded: str
    spans: Spans
    spoken: bool


def supervise(
    conversation: Conversation, template: ChatTemplate, train_on: TrainOn, specials: SpecialTexts
) -> Supervised:
    """Render a conversation and find what is learned of it; `specials` come from the encoder of the tokenizer.

    Raises ValueError, one sentence, where the template refuses or fails, loses something, or answers aren't found.
    """
    whole = _render(conversation, template)
    check_kept(conversation, whole.text, template.name)
    spans = supervised_spans(conversation, template, whole, train_on)
    guarded = render_guarded(conversation, template, whole.text, specials)
    return Supervised(whole.text, guarded, spans, train_on != "all")


def _render(conversation: Conversation, template: ChatTemplate) -> Rendered:
    """Render a conversation; a template that fails for want of a content may know nothing of tool calls."""
    tools = list(conversation.tools)
    try:
        return template.render(conversation.records(), tools)
    except ValueError as failed:
        silent = [number for number, each in enumerate(conversation.messages, start=1) if each.content is None]
        if not silent:
            raise
        spoken = replace(conversation, messages=tuple(map(_with_content, conversation.messages)))
        try:
            text = template.render(spoken.records(), tools).text
        except ValueError:
            raise failed from None
        check_kept(spoken, text, template.name)
        raise ValueError(
            f'message {silent[0]} has no content, and {template.name} fails without one; write content: ""'
        ) from failed


def _with_content(message: Message) -> Message:
    return replace(message, content=message.content or "")
