"""Conversations of a source → token ids with supervised flags, many at once; a refusal names its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runner.data.chat.conversation import Conversation, Message
from runner.data.chat.encode import ChatEncoder, Encoded
from runner.data.chat.mask import TrainOn
from runner.data.chat.recipe import ChatRecipe
from runner.data.chat.supervise import Supervised, supervise
from runner.data.sources import Dialogue
from runner.failure import ExitCode, Failure


@dataclass(frozen=True)
class ChatRows:
    """Makes rows by a recipe, with the tokens of one tokenizer."""

    recipe: ChatRecipe
    encoder: ChatEncoder

    def encode(self, dialogues: Sequence[Dialogue], train_on: TrainOn | None = None) -> list[Encoded]:
        """Encode conversations, in parallel where the library does so; `train_on` may be another one than the recipe's.

        Raises Failure INVALID, with file and record, where the template refuses or fails or loses something, where
        answers aren't found for sure, or where nothing ends them.
        """
        rows = [self._supervised(dialogue, train_on or self.recipe.train_on) for dialogue in dialogues]
        try:
            return self.encoder.encode_batch(rows)
        except ValueError:
            return [self._encoded(row, dialogue.where) for row, dialogue in zip(rows, dialogues, strict=True)]

    def _supervised(self, dialogue: Dialogue, train_on: TrainOn) -> Supervised:
        conversation = dialogue.conversation
        if not self.recipe.template.reads_input:
            conversation = Conversation(tuple(map(_with_input, conversation.messages)), conversation.tools)
        try:
            return supervise(conversation, self.recipe.template, train_on, self.encoder.specials)
        except ValueError as error:
            raise Failure(f"{dialogue.where}: {error}", ExitCode.INVALID) from error

    def _encoded(self, row: Supervised, where: str) -> Encoded:
        try:
            return self.encoder.encode(row)
        except ValueError as error:
            raise Failure(f"{where}: {error}", ExitCode.INVALID) from error


def _with_input(message: Message) -> Message:
    """Put what an instruction is about below it, for a template that doesn't look for it."""
    others = dict(message.others)
    about = others.pop("input", None) if message.role == "user" else None
    if not isinstance(about, str):
        return message
    return replace(message, content=f"{message.content}\n\n{about}", others=tuple(others.items()))
