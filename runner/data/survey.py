"""What this machine has of the datasets of a spec: their text, their stores, the fields of their first records.

Reads, and writes nothing; neither jax nor numpy is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import schema.document
from runner.data.lessons import left_out, nothing_to_learn
from runner.data.planned import known_store
from runner.data.sources import DataSource, Example, LeftOut, find_source, known_datasets
from runner.data.sources.files import Files
from runner.data.sources.hub import HubData
from runner.data.sources.remote import RemoteFiles
from runner.data.sources.tokens import TokenFiles
from runner.data.stores.current import WITHOUT_COPIES, content_digest, is_read_alike
from runner.data.stores.meta import StoreMeta, existing_meta
from runner.failure import ExitCode, Failure
from schema.budget.dataset_names import styles_of
from schema.document.catalogue import ORIGINS
from schema.document.file_kinds import ANY_KIND
from schema.document.mixtures import entries
from schema.environment import Dataset, Fields, Obstacle
from schema.sections.data import Data

# Files of this many bytes are read once more, in about a second, to see whether a store was made of them.
MOST_COMPARED_BYTES = 2**30
FIRST_RECORDS = 64  # of a source that is not prepared yet; more are read until one teaches something
MOST_RECORDS = 2**17  # though not for longer than a second or two

Fingerprints = dict[str, tuple[str, ...]]


class MadeBy(NamedTuple):
    """What a store that a run would use is made by: how its tokenizer begins, its chat recipe, what is learned."""

    tokenizer: str
    chat: str
    train_on: str


def survey_datasets(
    document: schema.document.Document, own: MadeBy, fingerprints: Fingerprints
) -> tuple[dict[tuple[str, str], Dataset], list[str]]:
    """Return what each dataset of the spec is, and the names that there are; nothing where `data` can't be read.

    `fingerprints` are those of sources, kept for more specs. Raises Failure STORAGE where a store is damaged.
    """
    declared = _declared(document)
    if declared is None:
        return {}, []
    data, styles = declared
    return {key: _dataset(*key, data, own, styles[key], fingerprints) for key in sorted(styles)}, known_datasets(data)


def declared_sources(document: schema.document.Document) -> Iterator[tuple[tuple[str, str], DataSource]]:
    """Yield the source of each dataset of a spec whose text is there; none where `data` can't be read."""
    data, styles = _declared(document) or (Data(), {})
    for key in sorted(styles):
        try:
            source = find_source(key[0], data, styles[key])
        except Failure:  # `survey_datasets` has said it
            continue
        if source is not None:
            yield key, source


def _declared(document: schema.document.Document) -> tuple[Data, dict[tuple[str, str], tuple[str, ...]]] | None:
    """The section `data`, and the styles of each dataset that a mixture names; None where it can't be read."""
    if not document.available("data"):
        return None
    values = document.value("data")
    # Which fields a spec names decides what is read, and the catalogue names some for it.
    sources = document.given_values().get("data", {}).get("sources", {})
    return Data.model_validate(values | {"sources": sources}), styles_of(entry.key for entry in entries(document))


def _dataset(
    name: str, suffix: str, data: Data, own: MadeBy, styles: tuple[str, ...], fingerprints: Fingerprints
) -> Dataset:
    """Look for a dataset's text and its store. Raises Failure STORAGE when what lies there is damaged."""
    source, meta, key = None, None, ""
    try:
        if name in data.sources and sum(getattr(data.sources[name], each) is not None for each in ORIGINS) != 1:
            return Dataset(True)  # another rule says it
        if name in data.sources and data.sources[name].path is data.sources[name].tokens is None:
            return _of_the_hub(name, suffix, data, own, styles)
        if name in data.sources:
            key = f"data/sources/{name}/{'path' if data.sources[name].tokens is None else 'tokens'}"
        source, key = find_source(name, data, styles), ""
        meta = existing_meta(data.root, name, suffix, has_source=source is not None)
    except Failure as failure:
        named = re.match(rf"data/sources/{re.escape(name)}/(?:path|validation)(?:\[\d+\])?(?=: )", str(failure))
        key = named[0] if named else key
        return Dataset(obstacle=obstacle(failure, _remedy(key), key))
    is_rows = isinstance(source, TokenFiles) and source.kind == "padded"
    if meta is None or (source is not None and not _is_current(meta, source, data, own, fingerprints)):
        if source is None:
            return Dataset(False)
        return _unprepared(source, own.train_on)._replace(is_rows=is_rows, outdated=meta is not None)
    return Dataset(source is not None, known_store(data.root, meta), fields=meta.fields, is_rows=is_rows)


def _of_the_hub(name: str, suffix: str, data: Data, own: MadeBy, styles: tuple[str, ...]) -> Dataset:
    """Look for the store of a hub dataset, and ask the hub for nothing: a commit that is not named is the store's.

    What is wrong with its keys other rules say. Raises Failure STORAGE where the store is damaged.
    """
    try:
        source = find_source(name, data, styles)
    except Failure:
        return Dataset(True)
    if not isinstance(source, HubData):
        return Dataset(True)
    try:
        meta = existing_meta(data.root, name, suffix, has_source=True)
        if meta is None:
            source.refuse_offline()
            return Dataset(True)
    except Failure as failure:
        return Dataset(obstacle=obstacle(failure, ""))
    if source.is_catalogued and not meta.origin:  # a store of the user's own, of that name
        return Dataset(False, known_store(data.root, meta), fields=meta.fields)
    source = source.at(meta.origin)
    if not source.is_pinned or not _is_current(meta, source, data, own, {}):
        return Dataset(True, outdated=True)
    return Dataset(True, known_store(data.root, meta), fields=meta.fields)


def _remedy(key: str) -> str:
    """What to name where this key names nothing that can be read."""
    if key.endswith("/tokens"):
        return "name a folder with train.bin, or the prefix of a .bin and an .idx"
    return f"name a {ANY_KIND} that exists"


def _unprepared(source: DataSource, train_on: str) -> Dataset:
    """A dataset whose store would be made: what its first records hold, and whether it teaches anything."""
    if isinstance(source, RemoteFiles):
        return Dataset(True)
    if not isinstance(source, Files):
        return Dataset(True, fields=Fields(source.reading(())))
    skipped = LeftOut()

    def enough(number: int, entry: Example) -> bool:
        if reason := left_out(entry, train_on):
            skipped.add(reason, entry.where)
        return number >= (FIRST_RECORDS if skipped.total < number else MOST_RECORDS)

    try:
        fields, records = source.first_records(enough)
    except Failure:  # preparing the data reports it
        return Dataset(True)
    if not records:  # there is none, or its line is too long
        return Dataset(True)
    if skipped.total == records < MOST_RECORDS:
        sentence = nothing_to_learn(source.name, skipped.counts(), source.section.holds_conversations)
        return Dataset(True, obstacle=obstacle(Failure(sentence, ExitCode.INVALID), ""), fields=fields)
    return Dataset(True, fields=fields)


def obstacle(failure: Failure, remedy: str, key: str = "") -> Obstacle:
    """Return what is in the way, with this remedy where the refusal has none; raises one that is not the spec's."""
    if failure.exit_code is not ExitCode.INVALID:
        raise failure
    message, _, own = str(failure).partition("; ")
    return Obstacle(message, own or remedy, key)


def _is_current(meta: StoreMeta, source: DataSource, data: Data, own: MadeBy, fingerprints: Fingerprints) -> bool:
    """Whether a run would use the store as it is; False for files of more than 1 GiB with another stamp."""
    rendered = source.name in data.sources and data.sources[source.name].holds_conversations
    chat = own.chat if rendered or (meta.holds_pairs and meta.chat) else ""
    is_exact = data.deduplicate == "exact" and not isinstance(source, TokenFiles)
    if not meta.tokenizer.startswith(own.tokenizer) or meta.chat != chat or is_exact != (WITHOUT_COPIES in meta.marks):
        return False
    key = f"{source.name} {data.sources.get(source.name)}"
    try:
        if not is_read_alike(source, meta):
            return False
        if isinstance(source, RemoteFiles):  # no server is asked here
            return meta.stamp.startswith(source.places)
        if meta.stamp == source.stamp():
            return True
        if source.total > MOST_COMPARED_BYTES:
            return False
        if key not in fingerprints:
            fingerprints[key] = source.fingerprints()
    except Failure:  # preparing the data reports it
        return False
    made = (meta.fields, meta.skipped, meta.tokenizer, chat)
    return meta.digest in {content_digest(each, *made, marks=meta.marks) for each in fingerprints[key]}
