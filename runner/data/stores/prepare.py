"""Name → token store: open the one that exists, make the one that doesn't, make again the one that is stale.

It prints nothing: progress and remarks go to the `PreparationDisplay` that the caller supplies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from runner.data.lessons import left_out, nothing_to_learn
from runner.data.sources import (
    DataSource,
    Dialogue,
    Document,
    Found,
    LeftOut,
    Skipped,
    fields_sentence,
    find_source,
    unknown_dataset,
)
from runner.data.sources.tokens import TokenFiles
from runner.data.stores.build import (
    StoreWriter,
    install,
    partial_folder,
    remember_stamps,
    skipped_sentence,
    sweep,
)
from runner.data.stores.current import content_digest, is_read_alike
from runner.data.stores.encode import encode_all, whole_texts
from runner.data.stores.foreign import prepare_foreign
from runner.data.stores.meta import FORMAT, StoreMeta, existing_meta, store_folder
from runner.data.stores.store import Store, open_store
from runner.data.stores.trained import Trained
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from schema.environment import Fields
from schema.rules.conversations_not_padded import ALL
from schema.sections.data import Data

if TYPE_CHECKING:  # plain text needs neither chat templates nor the library tokenizers
    from runner.data.chat.rows import ChatRows

Identity = tuple[str, str]  # fingerprint and stamp of a source


class PreparationDisplay(Protocol):
    """Where preparation reports to."""

    def bar(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Open a progress bar; the context's value is called with the units that were done since."""
        ...

    def say(self, sentence: str) -> None:
        """Show the user one sentence."""
        ...


class Silent:
    """A `PreparationDisplay` that shows nothing."""

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """Swallow a progress bar."""
        del label, total
        yield lambda done: None

    def say(self, sentence: str) -> None:
        """Swallow a sentence."""


@dataclass(frozen=True, slots=True)
class Maker:
    """What makes rows of a dataset's text: the tokenizer, and for conversations how they are rendered."""

    tokenizer: Tokenizer
    chat: ChatRows | None

    @property
    def chat_fingerprint(self) -> str:
        """That of the chat recipe; empty where there is none."""
        return self.chat.recipe.fingerprint if self.chat else ""

    def digest(self, source: str, fields: Fields | None, skipped: Mapping[str, int]) -> str:
        """That of the store which is made of a source with this fingerprint."""
        return content_digest(source, fields, skipped, self.tokenizer.fingerprint, self.chat_fingerprint)

    def has_made(self, meta: StoreMeta, source: str) -> bool:
        """Whether a store is one of a source with this fingerprint."""
        return meta.digest == self.digest(source, meta.fields, meta.skipped)

    def change(self, meta: StoreMeta) -> str | None:
        """What a store was made by that is another one now; None where it is the same."""
        if meta.tokenizer != self.tokenizer.fingerprint:
            return "tokenizer"
        return "chat template or chat/train_on" if meta.chat != self.chat_fingerprint else None


def prepare_store(
    name: str,
    suffix: str,
    *,
    data: Data,
    tokenizer: Tokenizer,
    progress: PreparationDisplay,
    chat: ChatRows | None = None,
    styles: Collection[str] = (),
    trained: Trained | None = None,
) -> Store:
    """Return the store of a dataset, made first when it is missing, outdated, or its source or tokenizer changed.

    `styles` are those of the run, which decide what is read where records hold a text and a pair. `chat` renders
    conversations, and datasets of plain text don't need it; another one makes their store again too. A store that no
    source is known for is used as it is, and so is one that the run was `trained` on. Raises Failure: INVALID for what
    the spec can't mean, RESUME where the run was trained on another source, STORAGE for a damaged store or a full disk.
    """
    folder = store_folder(data.root, name, suffix)
    sweep(folder)
    source = find_source(name, data, styles)
    if isinstance(source, TokenFiles):
        return prepare_foreign(source, suffix, root=data.root, tokenizer=tokenizer, progress=progress, trained=trained)
    meta = existing_meta(data.root, name, suffix, has_source=source is not None)
    store = open_store(folder) if meta else None
    if source is None:
        if store is None:
            raise unknown_dataset(name, data)
        store = as_it_is(store, Maker(tokenizer, chat if store.meta.chat else None))
        remember_stamps(folder, store.meta)
        return store
    maker = Maker(tokenizer, chat if name in data.sources and data.sources[name].holds_conversations else None)
    stamp = source.stamp()  # before the files are read: what changes meanwhile has another one
    known = store is not None and store.meta.stamp == stamp
    fingerprint = store.meta.source if store is not None and known else identified(source, store)
    is_own = store is not None and trained is not None and trained.knows(store)
    if store and maker.has_made(store.meta, fingerprint) and (is_own or is_read_alike(source, store.meta)):
        store = replace(store, meta=replace(store.meta, stamp=stamp))
        remember_stamps(folder, store.meta)
        return as_trained(store, source, maker, trained)
    if store is not None and trained:
        refuse_change(store, fingerprint, maker, trained)
    is_older = store is not None and store.meta.fields is None and maker.has_made(store.meta, fingerprint)
    if is_older or (store is None and folder.exists()):
        progress.say(f"dataset '{name}': an older version of lorarun made '{folder}'; it is made again")
    elif store is not None:
        changed = "source" if store.meta.source != fingerprint else maker.change(store.meta) or "choice of fields"
        progress.say(f"dataset '{name}': the {changed} changed since '{folder}' was made; it is made again")
    try:
        _make(folder, suffix, source=source, identity=(fingerprint, stamp), maker=maker, progress=progress)
    except OSError as error:
        raise unwritable_store(folder, error.strerror or str(error)) from error
    made = open_store(folder)
    if not maker.has_made(made.meta, fingerprint):
        raise Failure(
            f"token store '{folder}' was made by another run meanwhile, of another source or tokenizer; give this run "
            "another data/root",
            ExitCode.STORAGE,
        )
    return as_trained(made, source, maker, trained)


def refuse_change(store: Store, fingerprint: str, maker: Maker, trained: Trained) -> None:
    """Raise Failure RESUME where the store that a run was trained on would be made again, of something else."""
    is_other = store.meta.source != fingerprint or maker.change(store.meta) is not None
    if is_other and trained.knows(store):
        raise trained.refusal([store.folder.name])


def as_trained(store: Store, source: DataSource, maker: Maker, trained: Trained | None) -> Store:
    """Give a store the digest that the run knows it by, where an older version gave the same content another one."""
    wanted = trained.stores.get(store.folder.name) if trained else None
    if wanted is not None and wanted != store.digest:
        meta = store.meta
        if wanted in {maker.digest(each, meta.fields, meta.skipped) for each in source.fingerprints()}:
            return replace(store, meta=replace(meta, digest=wanted))
    return store


def identified(source: DataSource, store: Store | None) -> str:
    """The fingerprint of a source's content: that of the store, where it is one of those that the content has had."""
    own = source.fingerprints()
    return store.meta.source if store is not None and store.meta.source in own else own[0]


def unwritable_store(folder: Path, reason: str) -> Failure:
    """Return the refusal of a store that can't be written."""
    return Failure(f"token store '{folder}' cannot be written: {reason}", ExitCode.STORAGE)


def as_it_is(store: Store, maker: Maker) -> Store:
    """Return a store without a source, which must have been made as this run would. Raises Failure INVALID."""
    folder, meta = store.folder, store.meta
    changed = maker.change(meta)
    if changed == "tokenizer":
        raise Failure(
            f"token store '{folder}' was made with tokenizer '{meta.tokenizer}', and this run's is "
            f"'{maker.tokenizer.fingerprint}'; give its text in data/sources/{meta.name} to have it made again",
            ExitCode.INVALID,
        )
    if changed:
        raise Failure(
            f"token store '{folder}' was made with another {changed} than this run's; give its conversations in "
            f"data/sources/{meta.name} to have it made again",
            ExitCode.INVALID,
        )
    return store


def _make(
    folder: Path,
    suffix: str,
    *,
    source: DataSource,
    identity: Identity,
    maker: Maker,
    progress: PreparationDisplay,
) -> None:
    """Write the store of a source with this fingerprint and stamp."""
    fingerprint, stamp = identity
    tokenizer = maker.tokenizer
    dtype = "<u2" if tokenizer.vocabulary <= 2**16 else "<u4"
    with partial_folder(folder) as partial:
        with StoreWriter(partial, dtype) as writer, progress.bar(f"preparing {folder.name}", source.total) as advance:
            fields, skipped = _write_documents(source, maker, writer, advance)
            splits = writer.finish()
        if not splits:
            raise Failure(nothing_to_learn(source.name, skipped, maker.chat is not None), ExitCode.INVALID)
        meta = StoreMeta(
            format=FORMAT,
            name=source.name,
            suffix=suffix,
            digest=maker.digest(fingerprint, fields, skipped),
            source=fingerprint,
            stamp=stamp,
            tokenizer=tokenizer.fingerprint,
            chat=maker.chat_fingerprint,
            vocabulary=tokenizer.vocabulary,
            end=tokenizer.end,
            pad=tokenizer.pad,
            dtype=dtype,
            skipped=skipped,
            splits=splits,
            fields=fields,
        )
        install(partial, folder, meta)
    if fields.first:
        progress.say(f"dataset '{source.name}': {fields_sentence(fields)}")
    if skipped:
        progress.say(skipped_sentence(source.name, skipped))
    if "val" not in splits:
        progress.say(f"dataset '{source.name}' is too small to keep any of it for validation")


@dataclass(slots=True)
class _Notes:
    """What is noted while a source is read: its fields, and what was left out."""

    fields: Fields
    skipped: LeftOut = field(default_factory=LeftOut)


def _write_documents(
    source: DataSource, maker: Maker, writer: StoreWriter, advance: Callable[[int], None]
) -> tuple[Fields, dict[str, int]]:
    """Tokenize every document into its split; return its fields, and how many were left out for which reason."""
    notes = _Notes(Fields(source.reading(())))
    train_on = maker.chat.recipe.train_on if maker.chat else ALL
    for row in encode_all(_read(source, train_on, notes, advance), maker.tokenizer, maker.chat):
        if isinstance(row, Skipped):
            notes.skipped.add(row.reason, row.where)
        else:
            writer.add(row.split, row.ids, row.spans)
    return notes.fields, notes.skipped.counts()


def _read(
    source: DataSource, train_on: str, notes: _Notes, advance: Callable[[int], None]
) -> Iterator[Document | Dialogue]:
    """Yield what there is to tokenize; note the rest, and report how far reading is."""
    done = 0
    for entry in whole_texts(source.documents()):
        if entry.done > done:
            advance(entry.done - done)
            done = entry.done
        if isinstance(entry, Found):
            notes.fields = entry.fields
        elif isinstance(entry, Skipped):
            notes.skipped.add(entry.reason, entry.where)
        elif reason := left_out(entry, train_on):
            notes.skipped.add(reason, entry.where)
        else:
            yield entry
    advance(max(0, source.total - done))
