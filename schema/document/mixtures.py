"""The entries of a document's mixtures, and what is known of their datasets on this machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from schema.budget.dataset_names import key_of
from schema.budget.deciding import PER_PHASE
from schema.budget.draws import DatasetKey
from schema.budget.sides import CONTRASTIVE
from schema.budget.stages import DATASET_KEY
from schema.check.findings import Unavailable
from schema.document.document import Document
from schema.environment import Dataset, Split, Store

OF_EXAMPLES = ("PADDED", "PACKED")  # styles whose rows hold whole examples
SPLITS = {"train": "training", "val": "validation"}


class Entry(NamedTuple):
    """One entry of a mixture that decides: its path, its values, and its dataset where that is known."""

    path: str
    values: dict[str, Any]
    dataset: Dataset | None

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return str(self.values["name"])

    @property
    def key(self) -> DatasetKey:
        """What distinguishes the datasets of a run."""
        return key_of(SimpleNamespace(**self.values))

    @property
    def of_examples(self) -> bool:
        """Whether its rows hold whole examples: they may be too long, and part of them is not supervised."""
        return self.values["style"] in OF_EXAMPLES

    @property
    def is_contrastive(self) -> bool:
        """Whether its rows are pairs of answers."""
        return bool(self.values["style"] == CONTRASTIVE)


class Cut(NamedTuple):
    """One split of an entry's store, and how many rows its style cuts from it."""

    entry: Entry
    name: str
    split: Split
    rows: int


def mixture_keys(document: Document) -> tuple[str, ...]:
    """The keys of `training` whose mixtures decide."""
    return ("dataset",) if document.budget.one_budget else tuple(DATASET_KEY.values())


def written_mixtures(document: Document) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield path and entries of every written mixture that can be read, whether it decides or not.

    Raises Unavailable behind the last one where a list of mixtures can't be read.
    """
    given = [key for key in ("dataset", *DATASET_KEY.values()) if document.given(f"training/{key}")]
    unread = [key for key in given if not document.listed(f"training/{key}")]
    for key in given:
        path = f"training/{key}"
        if key in unread:
            continue
        paths = [path] if key == "dataset" else [f"{path}[{index}]" for index in range(document.length(path))]
        yield from ((each, document.value(each)) for each in paths if document.available(each))
    if unread:
        raise Unavailable(f"training/{unread[0]}")


def entries(document: Document) -> Iterator[Entry]:
    """Yield every entry that can be read of the mixtures that decide, those by default too."""
    for key in mixture_keys(document):
        path = f"training/{key}"
        nested = [path]
        if key in PER_PHASE:
            nested = [f"{path}[{index}]" for index in range(document.length(path))] if document.listed(path) else []
        for mixture in nested:
            for index in range(document.length(mixture)) if document.listed(mixture) else ():
                if document.available(each := f"{mixture}[{index}]"):
                    values = document.value(each)
                    facts = document.environment.datasets if document.environment else {}
                    yield Entry(each, values, facts.get((values["name"], values["suffix"])))


def mixed(document: Document, entry: Entry) -> bool:
    """Whether an entry stands in a mixture of CONTRASTIVE and another style."""
    mixture = document.value(entry.path.rpartition("[")[0])
    return is_mixed([str(each["style"]) for each in mixture])


def is_mixed(styles: Sequence[str]) -> bool:
    """Whether some entries of a mixture are CONTRASTIVE, and some are not."""
    return CONTRASTIVE in styles and set(styles) != {CONTRASTIVE}


def conversations(document: Document) -> Iterator[tuple[Entry, str]]:
    """Yield the first entry of each dataset and style that is made of conversations, and the key that says so."""
    seen = set()
    for entry in entries(document):
        if entry.key in seen or not document.has_source(entry.name):
            continue
        seen.add(entry.key)
        if document.source_names(entry.name, "tokens"):
            continue
        for field in ("messages", "instruction"):
            path = f"data/sources/{entry.name}/{field}"
            if document.value(path) is not None:
                yield entry, path
                break


def stored(document: Document) -> Iterator[tuple[Entry, Store]]:
    """Yield the first entry of each dataset and style whose store is known."""
    seen = set()
    for entry in entries(document):
        store = entry.dataset.store if entry.dataset else None
        # LR241 speaks of stores of pairs, and of others, that are read in the style of the other.
        if store and entry.key not in seen and store.pairs == entry.is_contrastive:
            seen.add(entry.key)
            yield entry, store


def cuts(document: Document, splits: Collection[str] = tuple(SPLITS)) -> Iterator[Cut]:
    """Yield the splits that the run reads of each known store: training, and validation where anything is scored."""
    block_size, too_long = document.value("architecture/block_size"), document.value("data/on_too_long")
    for name in (each for each in SPLITS if each in splits):
        if name != "train" and not document.budget.scored:
            continue
        for entry, store in stored(document):
            if name in store.splits:
                split = store.splits[name]
                yield Cut(entry, name, split, split.rows(entry.values["style"], block_size, too_long))
