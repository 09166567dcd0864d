"""Name → token store: open the one that exists, make the one that doesn't, make again the one that is stale.

It prints nothing: progress and remarks go to the `PreparationDisplay` that the caller supplies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from runner.data.sources import DataSource, Document, Skipped, find_source, unknown_dataset
from runner.data.stores.build import (
    StoreWriter,
    install,
    is_validation,
    partial_folder,
    remember_stamps,
    skipped_sentence,
    sweep,
)
from runner.data.stores.meta import FORMAT, StoreMeta, existing_meta, key_digest, store_folder
from runner.data.stores.store import Store, open_store
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from schema.sections.data import Data

Identity = tuple[str, str]  # fingerprint and stamp of a source
# Documents are tokenized together until they hold this many characters: enough for all cores, little memory.
BATCH_CHARACTERS = 2**20


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


def prepare_store(name: str, suffix: str, *, data: Data, tokenizer: Tokenizer, progress: PreparationDisplay) -> Store:
    """Return the store of a dataset, made first when it is missing or its source or tokenizer changed.

    A store that no source is known for is used as it is. Raises Failure: INVALID for an unknown or empty
    dataset, malformed data files or a store of another tokenizer; STORAGE for a damaged store or a full disk.
    """
    folder = store_folder(data.root, name, suffix)
    sweep(folder)
    source = find_source(name, data)
    store = open_store(folder) if existing_meta(data.root, name, suffix) else None
    if source is None:
        if store is None:
            raise unknown_dataset(name, data)
        if store.meta.tokenizer != tokenizer.fingerprint:
            raise Failure(
                f"token store '{folder}' was made with tokenizer '{store.meta.tokenizer}', and this run's is "
                f"'{tokenizer.fingerprint}'; give its text in data/sources/{name} to have it made again",
                ExitCode.INVALID,
            )
        remember_stamps(folder, store.meta)
        return store
    stamp = source.stamp()  # before the files are read: what changes meanwhile has another one
    known = store is not None and store.meta.stamp == stamp
    fingerprint = store.meta.source if store is not None and known else source.fingerprint()
    if store is not None and store.digest == key_digest(fingerprint, tokenizer.fingerprint):
        store = replace(store, meta=replace(store.meta, stamp=stamp))
        remember_stamps(folder, store.meta)
        return store
    if store is not None:
        changed = "source" if store.meta.source != fingerprint else "tokenizer"
        progress.say(f"dataset '{name}': the {changed} changed since '{folder}' was made; it is made again")
    try:
        identity = (fingerprint, stamp)
        _make(folder, suffix, source=source, identity=identity, tokenizer=tokenizer, progress=progress)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"token store '{folder}' cannot be written: {reason}", ExitCode.STORAGE) from error
    made = open_store(folder)
    if made.digest != key_digest(fingerprint, tokenizer.fingerprint):
        raise Failure(
            f"token store '{folder}' was made by another run meanwhile, of another source or tokenizer; give this run "
            "another data/root",
            ExitCode.STORAGE,
        )
    return made


def _make(
    folder: Path,
    suffix: str,
    *,
    source: DataSource,
    identity: Identity,
    tokenizer: Tokenizer,
    progress: PreparationDisplay,
) -> None:
    """Write the store of a source with this fingerprint and stamp."""
    fingerprint, stamp = identity
    dtype = "<u2" if tokenizer.vocabulary <= 2**16 else "<u4"
    with partial_folder(folder) as partial:
        with StoreWriter(partial, dtype) as writer, progress.bar(f"preparing {folder.name}", source.total) as advance:
            skipped = _write_documents(source, tokenizer, writer, advance)
            splits = writer.finish()
        if not splits:
            raise Failure(f"dataset '{source.name}' holds no text; give it at least one document", ExitCode.INVALID)
        meta = StoreMeta(
            format=FORMAT,
            name=source.name,
            suffix=suffix,
            digest=key_digest(fingerprint, tokenizer.fingerprint),
            source=fingerprint,
            stamp=stamp,
            tokenizer=tokenizer.fingerprint,
            chat="",
            vocabulary=tokenizer.vocabulary,
            end=tokenizer.end,
            pad=tokenizer.pad,
            dtype=dtype,
            skipped=dict(skipped),
            splits=splits,
        )
        install(partial, folder, meta)
    if skipped:
        progress.say(skipped_sentence(source.name, skipped))
    if "val" not in splits:
        progress.say(f"dataset '{source.name}' is too small to keep any of it for validation")


def _write_documents(
    source: DataSource, tokenizer: Tokenizer, writer: StoreWriter, advance: Callable[[int], None]
) -> Counter[str]:
    """Tokenize every document into its split; return how many entries were left out for which reason."""
    skipped: Counter[str] = Counter()
    batch: list[Document] = []
    done = characters = 0
    for entry in source.documents():
        if entry.done > done:
            advance(entry.done - done)
            done = entry.done
        if isinstance(entry, Skipped):
            skipped[entry.reason] += 1
        elif not entry.prompt and not entry.completion:
            skipped["empty"] += 1
        else:
            batch.append(entry)
            characters += len(entry.prompt) + len(entry.completion)
        if characters >= BATCH_CHARACTERS:
            _write_batch(batch, tokenizer, writer)
            batch, characters = [], 0
    _write_batch(batch, tokenizer, writer)
    advance(max(0, source.total - done))
    return skipped


def _write_batch(batch: Sequence[Document], tokenizer: Tokenizer, writer: StoreWriter) -> None:
    """Tokenize documents; each begins with the beginning-of-text token, where there is one, and ends with the end."""
    splits = [_split_of(document) for document in batch]
    beginnings = tokenizer.encode_batch([document.prompt or document.completion for document in batch])
    prompted = [document.completion for document in batch if document.prompt]
    continuations = iter(tokenizer.encode_batch(prompted, continued=True))
    opening = [] if tokenizer.begin is None else [tokenizer.begin]
    for document, split, beginning in zip(batch, splits, beginnings, strict=True):
        rest = next(continuations) if document.prompt else beginning[:0]
        ids = np.concatenate([opening, beginning, rest, [tokenizer.end]]).astype(np.int32)
        writer.add(split, ids, [(len(opening) + len(beginning) if document.prompt else 0, len(ids))])


def _split_of(document: Document) -> str:
    try:
        return "val" if is_validation((document.prompt + document.completion).encode()) else "train"
    except UnicodeEncodeError as error:
        raise Failure(
            f"{document.where}: the text holds half of a surrogate pair (U+{ord(error.object[error.start]):04X}), "
            "which UTF-8 cannot encode; repair or remove the record",
            ExitCode.INVALID,
        ) from error
