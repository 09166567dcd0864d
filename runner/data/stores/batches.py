"""What a source yields, in its order, as batches of a quarter of a million characters: what a worker takes at once.

Long texts come in parts, cut as `runner/data/stores/cuts` says, each a batch of its own. Every batch knows the place
behind it, from which a preparation that is cut off there goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from runner.data.lessons import left_out
from runner.data.sources import PIECE_CHARACTERS, DataSource, Document, Example, Found, Pair, Piece, Skipped
from runner.data.stores.cuts import Cutter
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from schema.environment import Fields

BATCH_CHARACTERS = 2**18  # of which tokenizers may make four tokens each, and take 200 bytes of memory for one


class Place(NamedTuple):
    """A place between batches: behind so many entries of a source and so many parts of the next one.

    `done` is how far reading was there, in the source's units.
    """

    entries: int = 0
    parts: int = 0
    done: int = 0


class Part(NamedTuple):
    """A part of a long text; `continued` where it follows other text, `supervised` where it is no prompt.

    The last part has the `digest` of the whole text, the characters of its `prompt`, and says where it stands.
    """

    text: str
    continued: bool
    supervised: bool
    digest: bytes | None
    prompt: int = 0
    where: str = ""


class Batch(NamedTuple):
    """Entries that are encoded together, or one part of a long text; what was left out among them; the place behind it.

    `fields` are those of the source's records, in the batch behind the last of them. `split` is where all of it
    belongs; None leaves that to the content of each document.
    """

    content: tuple[Example, ...] | Part
    skipped: tuple[Skipped, ...]
    fields: Fields | None
    behind: Place
    split: str | None = None


def read_batches(source: DataSource, tokenizer: Tokenizer, train_on: str, start: Place) -> Iterator[Batch]:
    """Read a source from a place on. Raises Failure INVALID as it does, and for text that UTF-8 can't encode."""
    entries, done, dropped = start.entries, start.done, start.parts
    pending, long = _Pending(), None
    for entry in source.documents(entries):
        done = max(done, entry.done)
        if isinstance(entry, Piece):
            text = _Long("", entry.text, entry.where, entry.is_last, entry.split)
        elif isinstance(entry, Document) and text_length(entry) > PIECE_CHARACTERS and not left_out(entry, train_on):
            text = _Long(entry.prompt, entry.completion, entry.where, True, entry.split)
        else:
            if pending.is_of_other_split(entry):
                yield pending.taken(Place(entries, 0, done))
            entries += 1
            if pending.add(entry, train_on):
                yield pending.taken(Place(entries, 0, done))
            continue
        if long is None:
            if pending:
                yield pending.taken(Place(entries, 0, done))
            long = _LongText(tokenizer, Place(entries))
        entries += 1
        for part, behind in long.add(text, Place(entries, 0, done)):
            if dropped and behind.parts and behind.parts <= dropped:
                continue  # it has been encoded before
            yield Batch(part, (), None, behind, text.split)
        if text.is_last:
            long, dropped = None, 0
    if pending:
        yield pending.taken(Place(entries, 0, done))


def text_length(entry: Example) -> int:
    """About how long a text becomes; no entry counts as nothing, for it takes memory."""
    if isinstance(entry, Pair):
        return text_length(entry.chosen) + text_length(entry.rejected)
    if isinstance(entry, Document):
        return 1 + len(entry.prompt) + len(entry.completion)
    return 1 + sum(len(message.content or "") for message in entry.conversation.messages)


def content_bytes(text: str, where: str) -> bytes:
    """Return a text as its digest is made of it. Raises Failure INVALID for half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Failure(
            f"{where}: the text holds half of a surrogate pair (U+{ord(error.object[error.start]):04X}), "
            "which UTF-8 cannot encode; repair or remove the record",
            ExitCode.INVALID,
        ) from error


@dataclass(slots=True)
class _Pending:
    """Collects the entries of a batch."""

    content: list[Example] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    fields: Fields | None = None
    characters: int = 0

    def __bool__(self) -> bool:
        return bool(self.content or self.skipped or self.fields)

    def is_of_other_split(self, entry: Example | Skipped | Found) -> bool:
        """Whether an entry belongs to another split than those collected."""
        return isinstance(entry, Example) and bool(self.content) and entry.split != self.content[0].split

    def add(self, entry: Example | Skipped | Found, train_on: str) -> bool:
        """Take an entry; return whether the batch is full."""
        if isinstance(entry, Found):
            self.fields = entry.fields
            return False
        if not isinstance(entry, Skipped) and (reason := left_out(entry, train_on)):
            entry = Skipped(reason, entry.where, entry.done)
        if isinstance(entry, Skipped):
            self.skipped.append(entry)
            self.characters += 1
        else:
            self.content.append(entry)
            self.characters += text_length(entry)
        return self.characters >= BATCH_CHARACTERS

    def taken(self, behind: Place) -> Batch:
        """Return the batch, and begin another one."""
        split = self.content[0].split if self.content else None
        batch = Batch(tuple(self.content), tuple(self.skipped), self.fields, behind, split)
        self.content, self.skipped, self.fields, self.characters = [], [], None, 0
        return batch


class _Long(NamedTuple):
    """The next piece of a long text, or all of it; only a whole one has a prompt."""

    prompt: str
    completion: str
    where: str
    is_last: bool
    split: str | None


class _LongText:
    """Cuts one long text into parts, and digests it as it comes; `first` is the place before it."""

    def __init__(self, tokenizer: Tokenizer, first: Place) -> None:
        self._tokenizer, self._first = tokenizer, first
        self._cutter = Cutter(tokenizer)
        self._digest, self._parts, self._prompt = hashlib.sha256(), 0, 0
        self._waiting: Part | None = None  # it may be the last one

    def add(self, text: _Long, behind: Place) -> Iterator[tuple[Part, Place]]:
        """Yield the parts that are whole by now, each with the place behind it; `behind` is that behind the entry."""
        for part in self._parts_of(text):
            if self._waiting is not None:
                yield self._waiting, self._place(behind.done)
            self._waiting = part
        if text.is_last and self._waiting is not None:
            digest = self._digest.digest()
            yield self._waiting._replace(digest=digest, prompt=self._prompt, where=text.where), behind

    def _place(self, done: int) -> Place:
        self._parts += 1
        return Place(self._first.entries, self._parts, done)

    def _parts_of(self, text: _Long) -> Iterator[Part]:
        if text.prompt:
            self._prompt = len(text.prompt)
            for prompt, is_last in _slices(text.prompt):
                self._digest.update(content_bytes(prompt, text.where))
                for part, continued in self._cutter.add(prompt, is_last=is_last):
                    yield Part(part, continued, False, None)
            self._cutter = Cutter(self._tokenizer, continued=True)
        for completion, is_last in _slices(text.completion):
            self._digest.update(content_bytes(completion, text.where))
            for part, continued in self._cutter.add(completion, is_last=is_last and text.is_last):
                yield Part(part, continued, True, None)


def _slices(text: str) -> Iterator[tuple[str, bool]]:
    """Yield a text in slices that can be held twice, each with whether it is the last one."""
    for start in range(0, max(1, len(text)), PIECE_CHARACTERS):
        yield text[start : start + PIECE_CHARACTERS], start + PIECE_CHARACTERS >= len(text)
