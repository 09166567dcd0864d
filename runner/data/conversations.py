"""The datasets of a run that hold conversations: what renders them, before the first store is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.data.stores.meta import read_meta
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from schema.budget.dataset_names import Key
from schema.rules.chat_template_not_found import WITHOUT_TURNS
from schema.rules.conversations_not_padded import ALL, not_padded
from schema.sections.chat import Chat
from schema.spec import Spec

if TYPE_CHECKING:
    from runner.data.chat.rows import ChatRows


def open_chat(spec: Spec, keys: Sequence[Key], tokenizer: Tokenizer) -> ChatRows | None:
    """Return what renders the conversations of these datasets, None where they hold none.

    Raises Failure INVALID where the style of one supervises what chat/train_on leaves out, where the tokenizer has no
    special tokens to end turns with, and where there is no chat template.
    """
    holding = [key for key in keys if holds_conversations(spec, key[0], key[1])]
    if not holding:
        return None
    for name, _, style, _ in holding:
        if style == "PMD" and spec.chat.train_on != ALL:
            raise Failure("; ".join(not_padded(name, spec.chat.train_on)), ExitCode.INVALID)
    return chat_rows(spec.chat, tokenizer)


def chat_rows(section: Chat, tokenizer: Tokenizer) -> ChatRows:
    """Return what renders conversations as a section says. Raises Failure INVALID as `open_chat`."""
    from runner.data.chat.encode import ChatEncoder  # the library tokenizers loads in 0.1 seconds
    from runner.data.chat.recipe import load_recipe
    from runner.data.chat.rows import ChatRows
    from runner.data.tokenizers.huggingface import HuggingFaceTokenizer

    if not isinstance(tokenizer, HuggingFaceTokenizer):
        raise Failure("; ".join(WITHOUT_TURNS), ExitCode.INVALID)
    return ChatRows(load_recipe(section, tokenizer.folder, tokenizer.facts), ChatEncoder(tokenizer.opening))


def holds_conversations(spec: Spec, name: str, suffix: str) -> bool:
    """Whether a dataset is made of conversations, by its source or else by the store that lies there."""
    if name in spec.data.sources:
        return spec.data.sources[name].holds_conversations
    meta = read_meta(spec.data.root, name, suffix)
    return meta is not None and bool(meta.chat)
