"""The preparation of data, rehearsed: small datasets as a whole in a temporary folder, of others the first records.

A store that a run would use as it is gets opened as a run opens it.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from runner.commands.validate.rehearsal.refusals import obstacle, refusal
from runner.data.catalog import catalog_of, open_tokenizer
from runner.data.chat.open_chat import open_chat
from runner.data.file_kinds import known_kind
from runner.data.lessons import left_out
from runner.data.planned import known_store, rows_of
from runner.data.ready import spec_keys
from runner.data.sources import DataSource, Dialogue, Document, find_source
from runner.data.sources.files import Files
from runner.data.sources.pydoc import PyDoc
from runner.data.sources.pystdlib import PyStdlib
from runner.data.sources.tokens import TokenFiles
from runner.data.stores.batches import text_length
from runner.data.stores.display import Silent
from runner.data.stores.encode import Encoder, count_tokens
from runner.data.stores.foreign import check_beginnings, placed
from runner.data.stores.make import Maker
from runner.data.stores.meta import existing_meta, load_meta, store_folder
from runner.data.stores.prepare import (
    as_it_is,
    as_trained,
    known_as,
    prepare_store,
    refuse_change,
)
from runner.data.stores.store import Store, check_vocabulary, open_store
from runner.data.stores.trained import Trained
from runner.data.styles import PairLengths, load_style
from runner.data.survey import MOST_COMPARED_BYTES
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from runner.plan.plan import Plan
from schema import environment
from schema.budget.dataset_names import folder_name, styles_of
from schema.environment import Dataset, Estimate, Refusal
from schema.spec import Spec

if TYPE_CHECKING:
    from runner.data.chat.rows import ChatRows

WHOLE_BYTES = 2**20  # of all files of a run that are prepared as a whole, in about a second
FIRST_RECORDS = 8  # of each file of larger data
FIRST_SECONDS = 5.0  # for the files of one source
MOST_ENCODED = 2**23  # characters of them that become tokens
ONE_MODULE_OF = 16  # of the standard library is read

Name = tuple[str, str]  # name and suffix


@dataclass(frozen=True, slots=True)
class RehearsedData:
    """What was found of each dataset, what the tokenizer refuses, and the digests of stores that a run would have."""

    datasets: dict[Name, Dataset] = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()
    digests: dict[str, str] = field(default_factory=dict)


def rehearse_data(
    spec: Spec, plan: Plan | None, known: Mapping[Name, Dataset], trained: Trained | None = None
) -> RehearsedData:
    """Open the tokenizer and every dataset of a spec as a run does, as far as that takes seconds.

    The plan is None where it follows from stores that are not made yet. `known` are the datasets as a
    survey found them, `trained` is what the run that would resume was trained on.
    """
    keys = spec_keys(spec)
    try:
        tokenizer = open_tokenizer(spec)
        chat = open_chat(spec, keys, tokenizer)
    except Failure as failure:
        return RehearsedData(refused=(refusal(failure, "tokenizer"),))
    styles = styles_of(keys)
    with ExitStack() as removed:
        try:
            folder = Path(removed.enter_context(TemporaryDirectory(prefix="lorarun-")))
        except OSError:  # there is nowhere to write: first records must do
            folder = None
        stage = _Stage(spec, plan, tokenizer, chat, folder, trained, WHOLE_BYTES if folder else 0)
        return stage.rehearse({name: find_source(name[0], spec.data, styles[name]) for name in styles}, known)


@dataclass(slots=True)
class _Stage:
    """Where datasets are rehearsed: `folder` is temporary, `room` how many bytes more are prepared as a whole there."""

    spec: Spec
    plan: Plan | None
    tokenizer: Tokenizer
    chat: ChatRows | None
    folder: Path | None
    trained: Trained | None
    room: int

    def rehearse(self, sources: Mapping[Name, DataSource | None], known: Mapping[Name, Dataset]) -> RehearsedData:
        """Rehearse the datasets of these names, the smallest first."""
        found = RehearsedData()
        for name in sorted(sources, key=lambda name: (_bytes(sources[name]), name)):
            before = known.get(name, Dataset(source=True))
            try:
                store = self._store(name, sources[name], before)
                if store is None:
                    found.datasets[name] = before._replace(estimate=self._estimate(sources[name]))
                    continue
                found.digests[folder_name(*name)] = store.digest
                self._check(name, store)
                if before.store is None:
                    before = before._replace(store=self._facts(name, store), fields=store.meta.fields)
                found.datasets[name] = before
            except Failure as failure:
                found.datasets[name] = before._replace(obstacle=obstacle(failure))
        return found

    def _store(self, name: Name, source: DataSource | None, before: Dataset) -> Store | None:
        """Return the store that a run would use, where it is there or made in a moment. Raises Failure."""
        if before.store is not None or source is None:
            folder = store_folder(self.spec.data.root, *name)
            store = open_store(folder, placed(load_meta(folder), source) if isinstance(source, TokenFiles) else None)
            maker = self._maker(self.chat if store.meta.chat else None)
            return as_it_is(store, maker) if source is None else as_trained(store, source, maker, self.trained)
        if isinstance(source, TokenFiles):
            check_beginnings(source, self.tokenizer.vocabulary)
        if not isinstance(source, Files):
            return None
        own = self._own(name, source)
        return own or (self._prepared(name, source) if source.total <= self.room else None)

    def _prepared(self, name: Name, source: Files) -> Store | None:
        """Make the store of a dataset in the temporary folder; None where that has no room. Raises Failure."""
        self.room -= source.total
        try:
            return prepare_store(
                *name,
                data=self.spec.data.model_copy(update={"root": str(self.folder)}),
                tokenizer=self.tokenizer,
                progress=Silent(),
                chat=self.chat,
                styles=source.styles,
                trained=self.trained,
            )
        except Failure as failure:
            if failure.exit_code is not ExitCode.STORAGE:
                raise
            self.room = 0
            return None

    def _own(self, name: Name, source: Files) -> Store | None:
        """Return the store that the run which would resume was trained on: it is used though another one were made now.

        Raises Failure where its tokenizer or its source is another one; of more than 1 GiB nobody looks at the source.
        """
        root = self.spec.data.root
        if self.trained is None or existing_meta(root, *name, has_source=True) is None:
            return None
        store, chat = open_store(store_folder(root, *name)), self.chat if source.section.holds_conversations else None
        fingerprint = (
            known_as(source.fingerprints(), store) if source.total <= MOST_COMPARED_BYTES else store.meta.source
        )
        refuse_change(store, fingerprint, self._maker(chat), self.trained)
        return store if self.trained.knows(store) else None

    def _maker(self, chat: ChatRows | None) -> Maker:
        return Maker(self.tokenizer, chat, deduplicate=self.spec.data.deduplicate)

    def _facts(self, name: Name, store: Store) -> environment.Store:
        """What rules ask of a store: of one that stays, it is read when they ask."""
        root = self.spec.data.root
        return known_store(root, store.meta) if store.folder == store_folder(root, *name) else _counted(store)

    def _check(self, name: Name, store: Store) -> None:
        """Open the rows of a store as a run does. Raises Failure."""
        check_vocabulary(store, self.spec.architecture.vocab_size)
        catalog_of(self.spec, self.plan, self.tokenizer, {folder_name(*name): store})

    def _estimate(self, source: DataSource | None) -> Estimate | None:
        """Read the first records of every file as a run does, and make tokens of them. Raises Failure.

        Returns what all will be by them; None where they have no text.
        """
        if not isinstance(source, Files):
            return self._estimate_library(source) if isinstance(source, PyStdlib | PyDoc) else None
        entries, size = [], 0
        for entry in _first(source, self.spec.chat.train_on):
            if size < MOST_ENCODED:  # the others are read, and that is all
                entries.append(entry)
                size += text_length(entry)
        tokens = count_tokens(entries, Encoder(self.tokenizer, self.chat))
        return _scaled(source, entries, tokens) if tokens else None

    def _estimate_library(self, source: PyStdlib | PyDoc) -> Estimate:
        """Say what the library holds by some of its modules, from all over it."""
        some = replace(source, files=source.files[::ONE_MODULE_OF])
        entries = [entry for entry in some.documents() if isinstance(entry, Document)]
        tokens = count_tokens(entries, Encoder(self.tokenizer, None))
        scale = len(source.files) / len(some.files)
        text_bytes = sum(path.stat().st_size for _, path in source.files)
        return Estimate(text_bytes, max(1, round(len(entries) * scale)), max(1, round(tokens * scale)))


def _bytes(source: DataSource | None) -> int:
    return source.total if isinstance(source, Files) else 0


def _first(source: Files, train_on: str) -> Iterator[Document | Dialogue]:
    """Yield the first records of every file that teach something, until the time is up."""
    end = time.monotonic() + FIRST_SECONDS
    for entry in source.documents(most=FIRST_RECORDS):
        if isinstance(entry, Document | Dialogue) and not left_out(entry, train_on):
            yield entry
        if time.monotonic() > end:
            return


def _scaled(source: Files, entries: Iterable[Document | Dialogue], tokens: int) -> Estimate:
    """Scale what was read of each file up to its size; `tokens` are those of all entries."""
    sizes = [path.stat().st_size for _, path in source.files]
    ends = [*accumulate(sizes)]
    read, records = dict.fromkeys(range(len(sizes)), 0), dict.fromkeys(range(len(sizes)), 0)
    for entry in entries:
        number = min(bisect_left(ends, entry.done), len(sizes) - 1)
        read[number], records[number] = entry.done - (ends[number] - sizes[number]), records[number] + 1
    seen = sum(read.values())
    documents = sum(
        records[number] * (1 if not known_kind(path).has_records else sizes[number] / read[number])
        for number, (_, path) in enumerate(source.files)
        if read[number]
    )
    whole = sum(sizes[number] for number in read if read[number])  # of the files that were looked at
    scale = source.total / max(1, whole)
    return Estimate(source.total, round(documents * scale), round(tokens * source.total / max(1, seen)))


@dataclass(frozen=True, slots=True)
class _Documents:
    """The documents of a split that lies nowhere any more; satisfies `runner.data.styles.Documents`."""

    lengths: Mapping[int, int]
    pairs: PairLengths | None
    order: tuple[int, ...]

    def in_order(self) -> Iterable[int]:
        """Length of each document in tokens, in the order of the store."""
        return self.order

    def packing(self, width: int, drop: bool) -> None:
        """Nothing is noted of a store that is about to be removed."""


def _counted(store: Store) -> environment.Store:
    """What rules ask of a store, from one that is about to be removed."""
    found = {
        name: _Documents(dict(split.lengths), split.pairs, tuple(split.in_order()))
        for name, split in store.splits.items()
    }

    def facts_of(name: str, documents: _Documents) -> environment.Split:
        @cache  # several rules ask
        def rows(style: str, block_size: int, on_too_long: str) -> int:
            return load_style(style).count_rows(documents, block_size, on_too_long)

        return environment.Split(documents.lengths, rows, partial(rows_of, store, name))  # it stays mapped

    splits = {name: facts_of(name, documents) for name, documents in found.items()}
    return environment.Store(store.meta.tokenizer, store.max_token_id, splits, store.meta.holds_pairs)
