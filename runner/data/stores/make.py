"""Make the store of a source in a hidden folder, from its beginning or from where a process was cut off.

The files are the same however often that happened, and however many processes encoded.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from runner.data.lessons import nothing_to_learn, skipped_sentence
from runner.data.sources import DataSource, Document, Example, LeftOut, fields_sentence, origin_of
from runner.data.sources.files import Files
from runner.data.sources.hub import HubData
from runner.data.sources.remote import RemoteFiles
from runner.data.stores.batches import Batch, Part, Place, read_batches
from runner.data.stores.current import SMALL, WITHOUT_COPIES, content_digest
from runner.data.stores.display import PreparationDisplay
from runner.data.stores.encode import Encoded, Encoder
from runner.data.stores.finish import describe, divide_documents, install, is_divided
from runner.data.stores.kept import Kept, is_small, kept_digests, remembers
from runner.data.stores.meta import FORMAT, StoreMeta
from runner.data.stores.parallel import encode_batches
from runner.data.stores.partial import discard
from runner.data.stores.progress import PROGRESS_FILE, Progress, noted_progress
from runner.data.stores.worker import Recipe
from runner.data.stores.writer import StoreWriter, holds, is_validation
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from runner.files.atomic import sync
from schema.environment import Fields
from schema.rules.conversations_not_padded import ALL

if TYPE_CHECKING:  # plain text needs neither chat templates nor the library tokenizers
    from runner.data.chat.rows import ChatRows

NOTE_SECONDS = 5.0  # between notes of the progress: so much is lost by a kill
NOTED_BYTES = 2**26  # a store of fewer is described and installed at once


@dataclass(frozen=True, slots=True)
class Maker:
    """What makes rows of a dataset's text: the tokenizer, and for conversations how they are rendered.

    `recipe` is how other processes make the same; without it, up to `workers` processes are but this one. Copies of
    documents are left out where `deduplicate` is exact.
    """

    tokenizer: Tokenizer
    chat: ChatRows | None
    recipe: Recipe | None = None
    workers: int = 1
    deduplicate: str = "none"

    @property
    def chat_fingerprint(self) -> str:
        """That of the chat recipe; empty where there is none."""
        return self.chat.recipe.fingerprint if self.chat else ""

    def digest(self, meta: StoreMeta, source: str) -> str:
        """That of a store with this meta data which is made of a source with this fingerprint."""
        made_by = self.tokenizer.fingerprint, self.chat_fingerprint
        return content_digest(source, meta.fields, meta.skipped, *made_by, marks=meta.marks)

    def has_made(self, meta: StoreMeta, source: str) -> bool:
        """Whether a store is one of a source with this fingerprint."""
        return meta.digest == self.digest(meta, source) and self.change(meta) is None

    def change(self, meta: StoreMeta) -> str | None:
        """What a store was made by that is another one now; None where it is the same."""
        if meta.tokenizer != self.tokenizer.fingerprint:
            return "tokenizer"
        if meta.chat != self.chat_fingerprint:
            return "chat template or chat/train_on"
        if meta.believed:  # another program made it
            return None
        return "data/deduplicate" if (WITHOUT_COPIES in meta.marks) != (self.deduplicate == "exact") else None

    @property
    def dtype(self) -> str:
        """The type of tokens in files."""
        return "<u2" if self.tokenizer.vocabulary <= 2**16 else "<u4"


class Origin(NamedTuple):
    """A source as it is read for a store: its fingerprint, its stamp, and the styles that it is read for."""

    source: DataSource
    fingerprint: str
    stamp: str
    styles: Collection[str]

    def identity(self, maker: Maker) -> str:
        """Identify what is made of it, before anything is; what lies beside its files is counted in the store, too."""
        left_out = self.source.left_out if isinstance(self.source, Files | RemoteFiles) else ()
        reading = self.source.reading(()), sorted(set(self.styles)), left_out
        made_by = maker.tokenizer.fingerprint, maker.chat_fingerprint, maker.deduplicate
        return hashlib.sha256(json.dumps([FORMAT, self.fingerprint, *made_by, *reading]).encode()).hexdigest()


def make_store(
    partial: Path, folder: Path, suffix: str, origin: Origin, maker: Maker, display: PreparationDisplay
) -> None:
    """Make a store in the folder `partial` and install it as `folder`.

    Raises Failure INVALID for what can't be read or encoded, and for a dataset of which nothing is left; OSError.
    """
    source, identity = origin.source, origin.identity(maker)
    noted = noted_progress(partial, identity)
    if noted is None or not (
        noted.whole or (holds(partial, noted.written, maker.dtype) and remembers(partial, noted.written))
    ):
        noted = None
        discard(partial)
    else:
        done = 100 if noted.whole else 100 * noted.place.done // max(1, source.total)
        display.say(f"dataset '{source.name}': continuing at {done} %")
    try:
        made = noted if noted and noted.whole else _write(partial, folder.name, origin, identity, maker, noted, display)
        splits, skipped = describe(partial, maker.dtype, _unit(made.fields)), LeftOut(made.skipped).counts()
        if not splits:
            raise Failure(nothing_to_learn(source.name, skipped, maker.chat is not None), ExitCode.INVALID)
    except Failure as failure:
        if failure.exit_code is ExitCode.INVALID:  # the source is to be changed, which makes another one of it
            discard(partial)
        raise
    meta = StoreMeta(
        format=FORMAT,
        name=source.name,
        suffix=suffix,
        digest="",
        source=origin.fingerprint,
        stamp=origin.stamp,
        tokenizer=maker.tokenizer.fingerprint,
        chat=maker.chat_fingerprint,
        vocabulary=maker.tokenizer.vocabulary,
        end=maker.tokenizer.end,
        pad=maker.tokenizer.pad,
        dtype=maker.dtype,
        skipped=skipped,
        splits=splits,
        fields=made.fields,
        origin=origin_of(source),
        marks=(*([SMALL] if is_small(partial) else []), *([WITHOUT_COPIES] if maker.deduplicate == "exact" else [])),
    )
    meta = replace(meta, digest=maker.digest(meta, origin.fingerprint))
    install(partial, folder, meta)
    _report(meta, display)


def _report(meta: StoreMeta, display: PreparationDisplay) -> None:
    """Say what was read, and what was left out."""
    if meta.fields and meta.fields.first:
        display.say(f"dataset '{meta.name}': {fields_sentence(meta.fields)}")
    if meta.skipped:
        display.say(skipped_sentence(meta.name, meta.skipped))
    if "val" not in meta.splits:
        display.say(f"dataset '{meta.name}' is too small to keep any of it for validation")


def _write(
    partial: Path,
    label: str,
    origin: Origin,
    identity: str,
    maker: Maker,
    noted: Progress | None,
    display: PreparationDisplay,
) -> Progress:
    """Write the documents of a source, behind those that were written before; return what there is to know of them."""
    source, encoder = origin.source, Encoder(maker.tokenizer, maker.chat)
    train_on = maker.chat.recipe.train_on if maker.chat else ALL
    is_divided_by_file = isinstance(source, Files | HubData | RemoteFiles) and source.is_divided
    with (
        StoreWriter(partial, maker.dtype, noted.written if noted else None) as writer,
        Kept(
            partial, writer.written, without_copies=maker.deduplicate == "exact", has_own_val=is_divided_by_file
        ) as kept,
    ):
        progress = noted or Progress(identity, Place(), writer.written, {}, Fields(source.reading(())))
        first = progress.place.done
        with display.bar(f"preparing {label}", source.total, first) as advance:
            making = _Making(partial, writer, kept, encoder, progress)
            batches = read_batches(source, maker.tokenizer, train_on, progress.place)
            encoded_batches = encode_batches(batches, encoder, maker.workers, maker.recipe)
            with making.kept(), closing(encoded_batches):  # workers end before anything is noted
                for batch, encoded in encoded_batches:
                    making.take(batch, encoded)
                    advance(making.progress.place.done - first, len(encoded.ids))
                    first = making.progress.place.done
            advance(max(0, source.total - first))
        writer.close()
    if is_divided_by_file and not is_divided(partial):
        raise Failure(
            f"dataset '{source.name}': what it has to train on, or to validate on, teaches nothing; name other data "
            f"under data/sources/{source.name}",
            ExitCode.INVALID,
        )
    return _divided(partial, replace(making.progress, written=writer.written), maker.dtype)


def _divided(partial: Path, progress: Progress, dtype: str) -> Progress:
    """See that both splits have something where possible; of a large store, note that it is whole."""
    if not is_divided(partial):
        (partial / PROGRESS_FILE).unlink(missing_ok=True)  # the files are no more what it says
        divide_documents(partial, dtype, kept_digests(partial), _unit(progress.fields))
    progress = replace(progress, whole=True)
    if sum(path.stat().st_size for path in partial.iterdir()) >= NOTED_BYTES:
        for path in partial.iterdir():
            sync(path)
        progress.note(partial)
    return progress


def _unit(fields: Fields) -> int:
    """How many documents belong together: two of pairs."""
    return 2 if "chosen" in fields.read else 1


class _Making:
    """Takes encoded batches in order, and notes the `progress` from time to time."""

    def __init__(self, partial: Path, writer: StoreWriter, kept: Kept, encoder: Encoder, progress: Progress) -> None:
        self._partial, self._writer, self._kept, self._encoder = partial, writer, kept, encoder
        self.progress, self._skipped = progress, LeftOut(progress.skipped)
        self._noted, self._last = progress.place, time.monotonic()

    def take(self, batch: Batch, encoded: Encoded) -> None:
        """Write a batch. Raises OSError."""
        moved = self._append(batch, encoded)
        for each in (*batch.skipped, *encoded.skipped):
            self._skipped.add(each.reason, each.where)
        self.progress = replace(
            self.progress,
            place=batch.behind,
            written=self._writer.written,
            skipped=self._skipped.state,
            fields=batch.fields or self.progress.fields,
        )
        if moved or time.monotonic() > self._last + NOTE_SECONDS:
            self._note()
        if moved:
            self._writer.trim()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Note what was written when an error ends this block: an interrupt, a worker that was killed."""
        try:
            yield
        except BaseException:
            if self.progress.place != self._noted:
                with suppress(OSError):
                    self._note()
            raise

    def _note(self) -> None:
        self._writer.flush()
        self._kept.flush()
        self.progress.note(self._partial)
        self._noted, self._last = self.progress.place, time.monotonic()

    def _append(self, batch: Batch, encoded: Encoded) -> bool:
        """Write documents, or a part of one; return whether one must be trimmed."""
        part, writer = batch.content, self._writer
        if not isinstance(part, Part):
            stay = self._stay(part, encoded, batch.split)
            writer.add(encoded.of(stay), is_validation(encoded.digests[stay], batch.split))
            return False
        if not writer.is_writing:
            writer.extend(np.array(self._encoder.opening, np.int32), supervised=part.supervised)
        writer.extend(encoded.ids, supervised=part.supervised)
        if part.digest is None:
            return False
        writer.extend(np.array([self._encoder.tokenizer.end], np.int32), supervised=True)
        digest = np.frombuffer(part.digest, np.uint8).reshape(1, -1)
        if not self._kept.add(digest, np.array([part.prompt]), batch.split).all():
            self._skipped.add(self._kept.reason, part.where)
            writer.drop_document()
            return True
        return writer.close_document(is_val=bool(is_validation(digest, batch.split)[0]))

    def _stay(self, content: tuple[Example, ...], encoded: Encoded, split: str | None) -> npt.NDArray[np.bool_]:
        """Say which documents of a batch stay, (documents,), and count the others. Raises OSError."""
        without, digests = {each.where for each in encoded.skipped}, encoded.digests
        entries = [entry for entry in content if entry.where not in without]
        prompts = [len(entry.prompt) if isinstance(entry, Document) else 0 for entry in entries]
        unit = max(1, len(digests) // max(1, len(entries)))  # documents of an entry
        stay = self._kept.add(digests, np.repeat(np.array(prompts, np.int64), unit), split)
        for place in np.flatnonzero(~stay[::unit]).tolist():
            self._skipped.add(self._kept.reason, entries[place].where)
        return stay
