"""The datasets of a run as a person names them, and which of their rows are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.data.catalog import Catalog
from runner.data.stores.store import Store
from runner.data.styles import Rows
from runner.failure import ExitCode, Failure
from schema.budget.dataset_names import Key, folder_name
from schema.text.wording import join, nearest, quote


@dataclass(frozen=True, slots=True)
class SourceRows:
    """A dataset in one style: `name` is its label in metrics, `rows` are by split: train, and val if it is scored."""

    name: str
    style: str
    store: Store
    rows: Mapping[str, Rows]

    def numbers(self, split: str, first: int, most: int | None) -> range:
        """Return the numbers of `most` rows of a split from `first` on, or of all. Raises Failure INVALID."""
        if split not in self.rows:
            raise Failure(
                f"--split {split}: there is nothing to validate with, for training/validation is false; leave it out",
                ExitCode.INVALID,
            )
        end = len(self.rows[split])
        if first >= end:
            raise Failure(
                f"--from {first}: the rows of '{self.name}' ({split}) are 0 to {end - 1}; write one of them, or name "
                "another dataset with --source",
                ExitCode.INVALID,
            )
        return range(first, end if most is None else min(first + most, end))


def find_sources(catalog: Catalog, names: Sequence[str]) -> list[SourceRows]:
    """Return the datasets of these names, or all; the name of a store is that of its dataset in every style.

    Raises Failure INVALID for a name that the run does not have.
    """
    known = {label: {label, folder_name(name, suffix)} for (name, suffix, *_), label in catalog.labels.items()}
    every = sorted(set().union(*known.values()))
    for name in names:
        if name not in every:
            raise _unknown(name, every)
    return [
        _source(catalog, key, label) for key, label in catalog.labels.items() if not names or known[label] & set(names)
    ]


def _source(catalog: Catalog, key: Key, label: str) -> SourceRows:
    rows = {"train": catalog.train[key]}
    if label in catalog.validation:
        rows["val"] = catalog.validation[label]
    return SourceRows(label, key.style, catalog.stores[folder_name(key.name, key.suffix)], rows)


def _unknown(name: str, known: Sequence[str]) -> Failure:
    near = nearest(name, known)
    advice = f"did you mean {join(near, 'or')}?" if near else f"write {join(known, 'or')}"
    return Failure(f"--source: the spec names no dataset {quote(name)}; {advice}", ExitCode.INVALID)
