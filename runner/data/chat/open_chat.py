"""The datasets of a run that hold conversations: what renders them, before the first store is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from runner.data.sources import DataSource, Dialogue, Pair, find_source
from runner.data.stores.meta import StoreMeta, read_meta
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from schema.budget.dataset_names import Key
from schema.budget.sides import CONTRASTIVE
from schema.rules.chat_template_not_found import WITHOUT_TURNS
from schema.rules.conversations_not_padded import ALL, not_padded
from schema.sections.chat import Chat
from schema.sections.data import Data
from schema.spec import Spec

if TYPE_CHECKING:
    from runner.data.chat.rows import ChatRows


def open_chat(spec: Spec, keys: Sequence[Key], tokenizer: Tokenizer) -> ChatRows | None:
    """Return what renders the conversations of these datasets, None where they hold none.

    Raises Failure INVALID where the style of one supervises what chat/train_on leaves out, where the tokenizer has no
    special tokens to end turns with, and where there is no chat template.
    """
    holding = [key for key in keys if holds_conversations(spec, *key[:3])]
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


def holds_conversations(spec: Spec, name: str, suffix: str, style: str) -> bool:
    """Whether a dataset is made of conversations, by its source or else by the store that lies there."""
    meta = read_meta(spec.data.root, name, suffix)
    if name in spec.data.sources:
        source = find_source(name, spec.data, (style,))
        return source is not None and is_rendered(source, spec.data, (style,), meta)
    return meta is not None and bool(meta.chat)


def is_rendered(source: DataSource, data: Data, styles: Collection[str], meta: StoreMeta | None) -> bool:
    """Whether a chat template makes the rows of a source: the spec says so, or of pairs the first record.

    That is not looked at where a store, described by `meta`, was made of the same files.
    """
    section = data.sources.get(source.name)
    if section is None or section.holds_conversations or CONTRASTIVE not in styles:
        return section is not None and section.holds_conversations
    if meta is not None and meta.holds_pairs and meta.stamp == source.stamp():
        return bool(meta.chat)
    first = next((entry for entry in source.documents() if isinstance(entry, Pair)), None)
    return first is not None and isinstance(first.chosen, Dialogue)
