"""Conversations as prompts: the template of a target, its encoder, and the tokens at which an answer ends."""

from __future__ import annotations

from dataclasses import dataclass

from runner.data.chat.conversation import Conversation
from runner.data.chat.encode import ChatEncoder
from runner.data.chat.literal import render_guarded
from runner.data.chat.lost import check_kept
from runner.data.chat.own_template import own_template, turn_end
from runner.data.chat.recipe import load_recipe
from runner.data.chat.supervise import Supervised
from runner.data.chat.template import ChatTemplate
from runner.data.tokenizers.huggingface import HuggingFaceTokenizer
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

        Raises Failure INVALID where the template refuses it, or a message is no Unicode.
        """
        try:
            text = self.template.render(conversation.records(), list(conversation.tools), prompt=True).text
            text.encode()  # the tokenizer would say nothing that helps
            guarded = render_guarded(conversation, self.template, text, self.encoder.specials, prompt=True)
            return list(self.encoder.encode(Supervised(text, guarded, (), False)).ids)
        except UnicodeEncodeError as error:
            raise Failure("the message is no text in UTF-8; write it in UTF-8", ExitCode.INVALID) from error
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
    """Return how a target reads conversations. Raises Failure INVALID where it has no template or no special tokens."""
    tokenizer, remedy = target.tokenizer, "name one with --template, or write the text with --prompt"
    if not isinstance(tokenizer, HuggingFaceTokenizer):
        raise Failure(
            f"the tokenizer of {target.name} has no special tokens that end turns; write the text with --prompt",
            ExitCode.INVALID,
        )
    if not has_template(target):
        raise Failure(f"the tokenizer in '{tokenizer.folder}' has no chat template; {remedy}", ExitCode.INVALID)
    recipe = load_recipe(target.chat, tokenizer.folder, tokenizer.facts)
    return Chat(recipe.template, ChatEncoder(tokenizer.opening))  # as conversations are encoded for training


def has_template(target: Target) -> bool:
    """Whether a chat template is named, or stands in the tokenizer's folder. Raises Failure as `own_template` does."""
    if target.chat.template is not None:
        return True
    return isinstance(target.tokenizer, HuggingFaceTokenizer) and own_template(target.tokenizer.folder) is not None


def stop_tokens(target: Target) -> frozenset[int]:
    """Return the ids at which an answer ends: end of text, end of turn, and those of generation_config.json."""
    tokenizer, end = target.tokenizer, None
    if isinstance(tokenizer, HuggingFaceTokenizer):
        template = chat_of(target).template if target.chat.template else None
        end = turn_end(tokenizer.folder, template)
    found = generation_config(target.origin, {"eos_token_id": tokenizer.end}, end)["eos_token_id"]
    return frozenset(found if isinstance(found, list) else [found])
