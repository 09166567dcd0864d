"""Sources of the hub in a checked spec: those that the catalogue has for names of a mixture, and commits of all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from schema.budget.stages import DATASET_KEY
from schema.check.findings import Json, Unavailable
from schema.check.tree import hydrate
from schema.document.catalogue import CATALOGUE, completed
from schema.document.document import Document, load_schema
from schema.document.pretrained import Recorded

DATASETS = "datasets"  # before the names of datasets in what a run recorded, for a model may have the same


def pin_of(source: Json) -> str:
    """Return by which name a commit is recorded of the hub dataset that a source names."""
    return f"{DATASETS}/{source.get('hub')}"


def with_hub_sources(document: Document, recorded: Recorded) -> Document:
    """Return a document whose sources are complete: by the catalogue, and by the commits that a run recorded."""
    section = document.written.get("data", {})
    sources: dict[str, Json] = section.get("sources", {})
    if not document.listed("data/sources"):
        return document
    named = {*sources, *_named(document)}.intersection(CATALOGUE)
    found = {name: keys for name in named if (keys := _completed(document, name, sources.get(name, {})))}
    every = {**sources, **found}
    pinned = {name: {**keys, "hub": at} for name, keys in every.items() if (at := recorded.pins.get(pin_of(keys)))}
    if not found and not pinned:
        return document
    written = {**document.written, "data": {**section, "sources": {**every, **pinned}}}
    whole = hydrate(written["data"], load_schema()["properties"]["data"])
    return replace(
        document,
        written=written,
        values={**document.values, "data": whole},
        catalogued=frozenset(found),
    )


def _completed(document: Document, name: str, written: Json) -> Json | None:
    """The keys of a source with those of the catalogue; None where it has an origin, or may have one that failed."""
    if any(path[:3] == ("data", "sources", name) for path in document.found.failed):
        return None
    keys = completed(name, written)
    return None if keys is None else dict(keys)


def _named(document: Document) -> set[str]:
    """The names in the mixtures that decide, those by default too."""
    try:
        keys = ("dataset",) if document.budget.one_budget else tuple(DATASET_KEY.values())
    except Unavailable:
        return set()
    names: set[str] = set()
    waiting: list[Any] = [
        document.values.get("training", {}).get(key) for key in keys if document.listed(f"training/{key}")
    ]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict) and isinstance(each.get("name"), str):
            names.add(each["name"])
    return names
