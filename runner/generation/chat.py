"""Conversations as prompts: the template of a target, its encoder, and the tokens at which an answer ends."""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Tokenizer

from runner.data.chat.conversation import Conversation
from runner.data.chat.encode import ChatEncoder
from runner.data.chat.literal import render_guarded
from runner.data.chat.lost import check_kept
from runner.data.chat.own_template import own_template, turn_end
from runner.data.chat.supervise import Supervised
from runner.data.chat.template import ChatTemplate
from runner.data.tokenizer_files import TOKENIZER
from runner.failure import ExitCode, Failure
from runner.generation.target import Target
from runner.huggingface.generation import generation_config


@dataclass(frozen=True, slots=True)
class Chat:
    """How a target reads conversations: rendered by `template`, made ids by `encoder`."""

    template: ChatTemplate
    encoder: ChatEncoder

    def encode(self, conversation: Conversation) -> list[int]:
        """Return the ids of a conversation up to where the next answer begins.

        Raises Failure INVALID where the template refuses it.
        """
        try:
            text = self.template.render(conversation.records(), list(conversation.tools), prompt=True).text
            guarded = render_guarded(conversation, self.template, text, self.encoder.specials, prompt=True)
            return list(self.encoder.encode(Supervised(text, guarded, (), False)).ids)
        except ValueError as error:
            raise Failure(str(error), ExitCode.INVALID) from error

    def losses(self, conversation: Conversation) -> str | None:
        """Say what of a conversation its rendering leaves out; None where nothing."""
        text = self.template.render(conversation.records(), list(conversation.tools), prompt=True).text
        try:
            check_kept(conversation, text, self.template.name)
        except ValueError as error:
            return str(error).partition("; ")[0]
        return None


def chat_of(target: Target) -> Chat:
    """Return how a target reads conversations. Raises Failure INVALID where it has no template."""
    for folder in target.folders:
        template = own_template(folder)
        if template is not None and (folder / TOKENIZER).is_file():
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            return Chat(template, ChatEncoder(tokenizer, template.tokens.values()))
    places = " or ".join(f"{folder}/" for folder in target.folders)
    where = f" in {places}" if places else ""
    raise Failure(
        f"{target.name} has no chat template{where}, so that it reads no conversations; write the text with --prompt",
        ExitCode.INVALID,
    )


def stop_tokens(target: Target) -> frozenset[int]:
    """Return the ids at which an answer ends: end of text, end of turn, and those of generation_config.json."""
    ends = (turn_end(folder) for folder in target.folders if (folder / TOKENIZER).is_file())
    end = next(ends, None)
    found = generation_config(target.origin, {"eos_token_id": target.tokenizer.end}, end)["eos_token_id"]
    return frozenset(found if isinstance(found, list) else [found])
