"""Documents and conversations → token ids with supervised spans, a batch at a time.

An encoder is a function of a batch: whichever process has it, the result is the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from runner.data.lessons import NO_TOKEN, SAME_TOKENS
from runner.data.sources import Dialogue, Document, Example, Pair, Skipped
from runner.data.stores.batches import BATCH_CHARACTERS, Part, content_bytes, text_length
from runner.data.tokenizers import Tokenizer

if TYPE_CHECKING:  # plain text needs neither chat templates nor the library tokenizers
    from runner.data.chat.mask import TrainOn
    from runner.data.chat.rows import ChatRows

Ids = npt.NDArray[np.int32]
Spans = list[tuple[int, int]]  # [start, end) of the supervised tokens of a document
Content = tuple[Example, ...] | Part
ANSWERS: TrainOn = "assistant"  # of a pair: those within the prompt have weight 0, whatever chat/train_on says
SPLIT_BYTES = 4  # of a digest, which say what a document's split is


class Encoded(NamedTuple):
    """Documents of a batch, in order: `ids` (tokens,) of all, `lengths` (documents,), `digests` (documents, 32).

    `spans` (spans, 2) are the places [start, end) in `ids` that are supervised, none of them in two documents.
    `skipped` is what has no supervised token. Of a part of a text there are ids alone.
    """

    ids: Ids
    lengths: npt.NDArray[np.int64]
    spans: npt.NDArray[np.int64]
    digests: npt.NDArray[np.uint8]
    skipped: tuple[Skipped, ...] = ()

    def of(self, chosen: npt.NDArray[np.bool_]) -> Encoded:
        """Return the documents that are chosen, (documents,)."""
        if chosen.all():
            return self
        ends = np.cumsum(self.lengths)
        owners = np.searchsorted(ends, self.spans[:, 0], side="right")
        missing = np.cumsum(np.where(chosen, 0, self.lengths))  # tokens that are left out before the end of each
        spans = (self.spans - missing[owners, None])[chosen[owners]]
        ids = self.ids[np.repeat(chosen, self.lengths)]
        return Encoded(ids, self.lengths[chosen], spans, self.digests[chosen], self.skipped)


@dataclass(frozen=True, slots=True)
class Encoder:
    """Makes tokens of batches; `chat` is needed for conversations alone."""

    tokenizer: Tokenizer
    chat: ChatRows | None

    def encode(self, content: Content) -> Encoded:
        """Encode a batch. Raises Failure INVALID, with file and record, for what can't be encoded."""
        if isinstance(content, Part):
            (ids,) = self.tokenizer.encode_batch([content.text], continued=content.continued)
            return joined([ids], [], [], ())
        if pairs := [entry for entry in content if isinstance(entry, Pair)]:
            return self._pairs(pairs)
        if documents := [entry for entry in content if isinstance(entry, Document)]:
            return self._documents(documents)
        return self._dialogues([entry for entry in content if isinstance(entry, Dialogue)])

    @property
    def fingerprint(self) -> str:
        """Identify it: that of the tokenizer, and of the chat recipe where there is one."""
        return f"{self.tokenizer.fingerprint} {self.chat.recipe.fingerprint if self.chat else ''}"

    @property
    def opening(self) -> list[int]:
        """The token that a document begins with, where there is one."""
        return [] if self.tokenizer.begin is None else [self.tokenizer.begin]

    def _documents(self, batch: Sequence[Document]) -> Encoded:
        """Encode documents, each by its own content in its split."""
        digests = [_digest(document.prompt + document.completion, document.where) for document in batch]
        rows, spans = self._texts(batch)
        return joined(list(chain.from_iterable(rows)), [sum(map(len, row)) for row in rows], spans, digests)

    def _texts(self, batch: Sequence[Document]) -> tuple[list[list[Ids]], list[Spans]]:
        """Encode texts, in parts: the beginning-of-text token, where there is one, first, and the end last."""
        beginnings = self.tokenizer.encode_batch([document.prompt or document.completion for document in batch])
        prompted = [document.completion for document in batch if document.prompt]
        continuations = iter(self.tokenizer.encode_batch(prompted, continued=True))
        opening, ending = np.array(self.opening, np.int32), np.array([self.tokenizer.end], np.int32)
        rows, spans = list[list[Ids]](), list[Spans]()
        for document, beginning in zip(batch, beginnings, strict=True):
            rest = next(continuations) if document.prompt else beginning[:0]
            rows.append([opening, beginning, rest, ending])
            unsupervised = len(opening) + len(beginning) if document.prompt else 0
            spans.append([(unsupervised, len(opening) + len(beginning) + len(rest) + 1)])
        return rows, spans

    def _dialogues(self, batch: Sequence[Dialogue]) -> Encoded:
        """Encode conversations, each by its own content in its split."""
        rows, spans, digests, skipped = list[Ids](), list[Spans](), list[bytes](), list[Skipped]()
        for dialogue, (ids, learned) in zip(batch, self._turns(batch), strict=True):
            if not learned:
                skipped.append(Skipped(NO_TOKEN, dialogue.where, dialogue.done))
                continue
            rows.append(ids)
            spans.append(learned)
            digests.append(_digest(_content(dialogue), dialogue.where))
        return joined(rows, list(map(len, rows)), spans, digests)._replace(skipped=tuple(skipped))

    def _turns(self, batch: Sequence[Dialogue], train_on: TrainOn | None = None) -> Iterator[tuple[Ids, Spans]]:
        """Encode conversations, whose first and last tokens are the template's; there are no spans without a target."""
        if batch and self.chat is None:
            raise ValueError("conversations are encoded by a chat template, and none was given")
        for encoded in self.chat.encode(batch, train_on) if self.chat else ():
            flags = np.array(encoded.supervised, np.bool_)
            edges = np.flatnonzero(np.diff(flags, prepend=False, append=False)).reshape(-1, 2)
            is_learned = flags[1:].any()  # the first token is no target
            yield np.array(encoded.ids, np.int32), [(int(start), int(end)) for start, end in edges if is_learned]

    def _pairs(self, batch: Sequence[Pair]) -> Encoded:
        """Encode pairs, both sides alike, side by side; those of one prompt are in one split."""
        sides = [side for pair in batch for side in (pair.chosen, pair.rejected)]
        rows, spans = self._texts([side for side in sides if isinstance(side, Document)])
        turns = self._turns([side for side in sides if isinstance(side, Dialogue)], ANSWERS)
        encoded = [*zip(map(np.concatenate, rows), spans, strict=True), *turns]  # all sides are of one kind
        kept, skipped, digests = list[tuple[Ids, Spans]](), list[Skipped](), list[bytes]()
        for pair, chosen, rejected in zip(batch, encoded[::2], encoded[1::2], strict=True):
            if not (chosen[1] and rejected[1]):
                skipped.append(Skipped(NO_TOKEN, pair.where, pair.done))
            elif np.array_equal(chosen[0], rejected[0]):
                skipped.append(Skipped(SAME_TOKENS, pair.where, pair.done))
            else:
                kept += [chosen, rejected]
                digests += _digests_of_pair(pair)
        ids = [each for each, _ in kept]
        return joined(ids, list(map(len, ids)), [each for _, each in kept], digests)._replace(skipped=tuple(skipped))


def joined(
    ids: Sequence[Ids],
    lengths: Sequence[int],
    spans: Sequence[Spans],
    digests: Sequence[bytes] = (),
) -> Encoded:
    """Join documents; the spans of each are counted from its first token."""
    ends = np.cumsum(np.array(lengths, np.int64))
    shifts = np.repeat(ends - np.array(lengths, np.int64), list(map(len, spans)))
    places = np.array([*chain.from_iterable(spans)], np.int64).reshape(-1, 2) + shifts.reshape(-1, 1)
    return Encoded(
        np.concatenate([np.zeros(0, np.int32), *ids]),
        np.array(lengths, np.int64),
        places,
        np.frombuffer(b"".join(digests), np.uint8).reshape(-1, hashlib.sha256().digest_size),
    )


def _content(dialogue: Dialogue) -> str:
    """What a conversation says, whatever the template: so it stays in its split when the template changes."""
    conversation = dialogue.conversation
    return json.dumps([conversation.records(), conversation.tools], ensure_ascii=False, sort_keys=True, default=str)


def _digests_of_pair(pair: Pair) -> list[bytes]:
    """Return the digests of both sides: of the prompt where they say the split, elsewhere of the whole pair."""
    sides = pair.chosen, pair.rejected
    whole = "\0".join(side.completion if isinstance(side, Document) else _content(side) for side in sides)
    prompt = _prompt(pair.chosen)
    split = _digest(prompt, pair.where)[:SPLIT_BYTES]
    return [split + _digest(f"{number}{prompt}\0{whole}", pair.where)[SPLIT_BYTES:] for number in range(len(sides))]


def _prompt(side: Document | Dialogue) -> str:
    """What both sides of a pair begin with; without a prompt, the answer."""
    if isinstance(side, Document):
        return side.prompt or side.completion
    shared = [each.record() for each in side.conversation.messages if each.role != "assistant" or each.is_silenced]
    return json.dumps([shared, side.conversation.tools], ensure_ascii=False, sort_keys=True, default=str)


def _digest(text: str, where: str) -> bytes:
    return hashlib.sha256(content_bytes(text, where)).digest()


def count_tokens(entries: Sequence[Example], encoder: Encoder) -> int:
    """Count the tokens of entries, encoded a batch at a time. Raises Failure as `Encoder.encode` does."""
    tokens, first, characters = 0, 0, 0
    for end, entry in enumerate(entries, start=1):
        characters += text_length(entry)
        if characters >= BATCH_CHARACTERS or end == len(entries):
            tokens += len(encoder.encode(tuple(entries[first:end])).ids)
            first, characters = end, 0
    return tokens
