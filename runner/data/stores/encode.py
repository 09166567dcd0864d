"""Documents and conversations → token ids with supervised spans, a batch at a time: tokenizers work in parallel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from runner.data.lessons import NO_TOKEN
from runner.data.sources import Dialogue, Document, Entry, Found, Piece, Skipped
from runner.data.stores.build import is_validation
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure

if TYPE_CHECKING:  # plain text needs neither chat templates nor the library tokenizers
    from runner.data.chat.rows import ChatRows

# Documents are tokenized together until they hold this many characters: enough for all cores, little memory.
BATCH_CHARACTERS = 2**20


class Row(NamedTuple):
    """One document, in the split that it belongs to: ids, (tokens,), and the spans [start, end) that are supervised."""

    split: str
    ids: npt.NDArray[np.int32]
    spans: Sequence[tuple[int, int]]


def encode_all(
    entries: Iterator[Document | Dialogue], tokenizer: Tokenizer, chat: ChatRows | None
) -> Iterator[Row | Skipped]:
    """Encode what a source yields, in its order; `chat` is needed for conversations alone.

    Raises Failure INVALID, with file and record, for text and conversations that can't be encoded.
    """
    for batch in _batches(entries):
        documents = [entry for entry in batch if isinstance(entry, Document)]
        if documents:
            yield from _encode_documents(documents, tokenizer)
        dialogues = [entry for entry in batch if isinstance(entry, Dialogue)]
        if dialogues:
            if chat is None:
                raise ValueError("conversations are encoded by a chat template, and none was given")
            yield from _encode_dialogues(dialogues, chat)


def _batches(entries: Iterator[Document | Dialogue]) -> Iterator[list[Document | Dialogue]]:
    batch: list[Document | Dialogue] = []
    characters = 0
    for entry in entries:
        batch.append(entry)
        characters += text_length(entry)
        if characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def whole_texts(entries: Iterator[Entry]) -> Iterator[Document | Dialogue | Skipped | Found]:
    """Join the pieces of each text."""
    texts = []
    for entry in entries:
        if not isinstance(entry, Piece):
            yield entry
            continue
        texts.append(entry.text)
        if entry.is_last:
            yield Document("", "".join(texts), entry.where, entry.done)
            texts = []


def text_length(entry: Document | Dialogue) -> int:
    """About how long a text becomes; no entry counts as nothing, for it takes memory."""
    if isinstance(entry, Document):
        return 1 + len(entry.prompt) + len(entry.completion)
    return 1 + sum(len(message.content or "") for message in entry.conversation.messages)


def _encode_documents(batch: Sequence[Document], tokenizer: Tokenizer) -> Iterator[Row]:
    """Encode documents; each begins with the beginning-of-text token, where there is one, and ends with the end."""
    splits = [_split_of(document.prompt + document.completion, document.where) for document in batch]
    beginnings = tokenizer.encode_batch([document.prompt or document.completion for document in batch])
    prompted = [document.completion for document in batch if document.prompt]
    continuations = iter(tokenizer.encode_batch(prompted, continued=True))
    opening = [] if tokenizer.begin is None else [tokenizer.begin]
    for document, split, beginning in zip(batch, splits, beginnings, strict=True):
        rest = next(continuations) if document.prompt else beginning[:0]
        ids = np.concatenate([opening, beginning, rest, [tokenizer.end]]).astype(np.int32)
        yield Row(split, ids, [(len(opening) + len(beginning) if document.prompt else 0, len(ids))])


def _encode_dialogues(batch: Sequence[Dialogue], chat: ChatRows) -> Iterator[Row | Skipped]:
    """Encode conversations; the tokens that begin and end them are the template's."""
    for dialogue, encoded in zip(batch, chat.encode(batch), strict=True):
        flags = np.array(encoded.supervised, np.bool_)
        if not flags[1:].any():  # the first token is no target
            yield Skipped(NO_TOKEN, dialogue.where, dialogue.done)
            continue
        edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
        spans = [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
        yield Row(_split_of(_content(dialogue), dialogue.where), np.array(encoded.ids, np.int32), spans)


def _content(dialogue: Dialogue) -> str:
    """What a conversation says, whatever the template: so it stays in its split when the template changes."""
    conversation = dialogue.conversation
    return json.dumps([conversation.records(), conversation.tools], ensure_ascii=False, sort_keys=True, default=str)


def _split_of(text: str, where: str) -> str:
    try:
        return "val" if is_validation(text.encode()) else "train"
    except UnicodeEncodeError as error:
        raise Failure(
            f"{where}: the text holds half of a surrogate pair (U+{ord(error.object[error.start]):04X}), "
            "which UTF-8 cannot encode; repair or remove the record",
            ExitCode.INVALID,
        ) from error
