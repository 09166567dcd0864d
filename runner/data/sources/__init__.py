"""Where text comes from: built-in datasets, one file each, and what is named in `data/sources`: files, hub datasets.

A source yields documents, and tokenizes nothing. To find one asks no server: that is done when a store is looked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection

from runner.data.sources import pydoc, pystdlib
from runner.data.sources._pairs import WORTHLESS_PAIRS
from runner.data.sources._reading import fields_sentence
from runner.data.sources._source import (
    PIECE_CHARACTERS,
    DataSource,
    Dialogue,
    Document,
    Entry,
    Example,
    Found,
    LeftOut,
    Pair,
    Piece,
    Skipped,
    counted,
)
from runner.data.sources.files import open_files
from runner.data.sources.hub import HubData, open_hub
from runner.data.sources.remote import open_remote
from runner.data.sources.tokens import open_tokens
from runner.data.stores.meta import META_FILE, read_meta
from runner.failure import ExitCode, Failure
from schema.document.catalogue import CATALOGUE, ORIGINS
from schema.document.remote import protocol_of
from schema.rules.source_origin import misnamed
from schema.sections.data import Data, Source
from schema.text.paths import at_home

__all__ = [
    "BUILTIN",
    "PIECE_CHARACTERS",
    "WORTHLESS_PAIRS",
    "DataSource",
    "Dialogue",
    "Document",
    "Entry",
    "Example",
    "Found",
    "LeftOut",
    "Pair",
    "Piece",
    "Skipped",
    "counted",
    "fields_sentence",
    "find_source",
    "known_datasets",
    "origin_of",
    "settled",
    "unknown_dataset",
]

BUILTIN: dict[str, Callable[[], DataSource]] = {"pydoc": pydoc.open_source, "pystdlib": pystdlib.open_source}


def find_source(name: str, data: Data, styles: Collection[str] = ()) -> DataSource | None:
    """Return the source of a dataset that a run has in these styles, or in the default one.

    None when the name is unknown, for a store may exist all the same.
    Raises Failure (INVALID) when the files of `data/sources` do not exist, or their name is a built-in's.
    """
    if name in BUILTIN:
        if name in data.sources:
            raise Failure(f"data/sources/{name}: '{name}' is a built-in dataset; write another name", ExitCode.INVALID)
        return BUILTIN[name]()
    section = data.sources.get(name)
    if section is None and "text" in CATALOGUE.get(name, ()):  # of a Spec that was not read from a file, which has it
        section = Source(**CATALOGUE[name])
    if section is None:
        return None
    if sentence := misnamed(f"data/sources/{name}", [key for key in ORIGINS if getattr(section, key) is not None]):
        raise Failure("; ".join(sentence), ExitCode.INVALID)
    if section.hub is not None:
        return open_hub(name, section, styles)
    if section.tokens is not None:
        return open_tokens(name, section)
    if any(map(protocol_of, (*section.paths, *section.validation_paths))):
        return open_remote(name, section, styles, data.root)
    return open_files(name, section, styles)


def settled(source: DataSource | None, root: str, suffix: str) -> DataSource | None:
    """Return a source that names one content for ever: of the hub at a commit, which it is asked for where need be.

    Where it can't be reached, the commit of the store under `root` does. None, no source, for a name of the catalogue
    whose store was made of something else: that is the user's own. Raises Failure as `HubData.pinned`.
    """
    if not isinstance(source, HubData):
        return source
    meta = read_meta(root, source.name, suffix)
    if meta is None:
        return source.pinned()
    return None if source.is_catalogued and not meta.origin else source.pinned(meta.origin)


def origin_of(source: DataSource) -> str:
    """Return where the hub has the content of a source, OWNER/NAME@COMMIT; empty for files."""
    return source.origin if isinstance(source, HubData) else ""


def known_datasets(data: Data) -> list[str]:
    """List the names that stand for something: built-in datasets, data/sources, stores under data/root.

    Behind them stand those of the catalogue.
    """
    stores = [path.parent.name for path in at_home(data.root).glob(f"*/{META_FILE}")]
    here = sorted({*BUILTIN, *data.sources, *(name for name in stores if not name.startswith("."))})
    return [*here, *(name for name in CATALOGUE if name not in here)]


def unknown_dataset(name: str, data: Data) -> Failure:
    """Return the refusal of a name that stands for nothing, with the nearest name that does."""
    known = known_datasets(data)
    near = [each for each in difflib.get_close_matches(name, known, n=2) if each != name]
    advice = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
    return Failure(
        f"dataset '{name}' is neither built in, nor in data/sources or the catalogue, nor a store under data/root "
        f"'{data.root}'; {advice}",
        ExitCode.INVALID,
    )
