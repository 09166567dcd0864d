"""Where text comes from: built-in datasets, one file each, and local files named in `data/sources`.

A source yields documents; it neither tokenizes nor writes anything, and nothing is downloaded.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection

from runner.data.sources import pydoc, pystdlib
from runner.data.sources._reading import fields_sentence
from runner.data.sources._source import (
    PIECE_CHARACTERS,
    DataSource,
    Dialogue,
    Document,
    Entry,
    Found,
    LeftOut,
    Piece,
    Skipped,
    counted,
)
from runner.data.sources.files import open_files
from runner.data.sources.tokens import open_tokens
from runner.data.stores.meta import META_FILE
from runner.failure import ExitCode, Failure
from schema.rules.source_origin import ORIGINS, misnamed
from schema.sections.data import Data
from schema.text.paths import at_home

__all__ = [
    "BUILTIN",
    "PIECE_CHARACTERS",
    "DataSource",
    "Dialogue",
    "Document",
    "Entry",
    "Found",
    "LeftOut",
    "Piece",
    "Skipped",
    "counted",
    "fields_sentence",
    "find_source",
    "known_datasets",
    "unknown_dataset",
]

BUILTIN: dict[str, Callable[[], DataSource]] = {"pydoc": pydoc.open_source, "pystdlib": pystdlib.open_source}


def find_source(name: str, data: Data, styles: Collection[str] = ()) -> DataSource | None:
    """Return the source of a dataset that a run has in these styles, or in the default one.

    None when the name is unknown, for a store may exist all the same.
    Raises Failure (INVALID) when the files of `data/sources` do not exist, or their name is a built-in's.
    """
    if name in data.sources:
        if name in BUILTIN:
            raise Failure(f"data/sources/{name}: '{name}' is a built-in dataset; write another name", ExitCode.INVALID)
        section = data.sources[name]
        if sentence := misnamed(f"data/sources/{name}", [key for key in ORIGINS if getattr(section, key) is not None]):
            raise Failure("; ".join(sentence), ExitCode.INVALID)
        if section.hub is not None:
            raise Failure(f"data/sources/{name}/hub: datasets of the hub can't be read yet", ExitCode.INVALID)
        if section.tokens is not None:
            return open_tokens(name, section)
        return open_files(name, section, styles)
    return BUILTIN[name]() if name in BUILTIN else None


def known_datasets(data: Data) -> list[str]:
    """List the names that stand for something: built-in datasets, data/sources, stores under data/root."""
    stores = [path.parent.name for path in at_home(data.root).glob(f"*/{META_FILE}")]
    return sorted({*BUILTIN, *data.sources, *(name for name in stores if not name.startswith("."))})


def unknown_dataset(name: str, data: Data) -> Failure:
    """Return the refusal of a name that stands for nothing, with the nearest name that does."""
    known = known_datasets(data)
    near = difflib.get_close_matches(name, known, n=1)
    advice = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
    return Failure(
        f"dataset '{name}' is neither built in, nor in data/sources, nor a store under data/root '{data.root}'; "
        f"{advice}",
        ExitCode.INVALID,
    )
