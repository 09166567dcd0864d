"""From a conversation to text with its supervised spans, every check made on the way: the door of this folder."""

from __future__ import annotations

from dataclasses import dataclass

from runner.data.chat.conversation import Conversation
from runner.data.chat.literal import SpecialTexts, render_guarded
from runner.data.chat.lost import check_kept
from runner.data.chat.mask import TrainOn, supervised_spans
from runner.data.chat.template import ChatTemplate, Spans


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
    whole = template.render(conversation.records(), list(conversation.tools))
    check_kept(conversation, whole.text, template.name)
    spans = supervised_spans(conversation, template, whole, train_on)
    guarded = render_guarded(conversation, template, whole.text, specials)
    return Supervised(whole.text, guarded, spans, train_on != "all")
