"""What rules say of mixtures that are not written: whether their default can be meant, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schema.check.findings import show
from schema.check.mixtures import OF_DATASETS
from schema.document import Document
from schema.document.mixtures import Entry, entries
from schema.document.records import has_prompts
from schema.text.scalars import written
from schema.text.wording import join

TRAINING = "training/"


class Instead(NamedTuple):
    """A mixture to write in place of a default: its text, and the names that would do as well."""

    text: str
    others: tuple[str, ...]

    @property
    def remedy(self) -> str:
        """The end of a remedy: what to write, and what else may be named in it."""
        return f"{self.text}, or name {join(self.others, 'or')} there" if self.others else self.text


def is_sure(document: Document) -> bool:
    """Whether nothing stands in training that may be a budget or a mixture, in words that nobody knows."""
    unknown = document.problems_of("unknown-key")
    return not any(show(problem.path).startswith(TRAINING) and not problem.instead for problem in unknown)


def is_here(document: Document, name: str) -> bool | None:
    """Whether a dataset has text on this machine; None where the machine was not asked."""
    facts = document.environment.datasets.get((name, "")) if document.environment else None
    if facts is None:
        return True if document.has_source(name) else None
    return bool(facts.source or facts.store or facts.obstacle)


def instead(document: Document, key: str) -> Instead | None:
    """Return what a list of mixtures may hold, of the spec's own sources first; None where there is no dataset."""
    named = {entry.name for entry in entries(document) if document.given(entry.path)}
    every = sorted(document.value("data/sources")) if document.available("data/sources") else []
    sources = [name for name in every if document.given(f"data/sources/{name}")]
    own = [name for name in sources if name not in named] or sources
    known = own or [*(document.environment.known if document.environment else ())]
    if not known:
        return None
    entry = Entry("", {"name": known[0], "suffix": "", "style": "PMD"}, None)
    style = "PADDED" if has_prompts(document, entry) else OF_DATASETS.get(known[0], "PMD")
    mixture = f"[{{name: {written(known[0])}, rate: 1.0, style: {style}}}]"
    return Instead(mixture if key == f"{TRAINING}dataset" else f"[{mixture}]", tuple(known[1:]))


def supervises_all(named: Sequence[Entry]) -> bool:
    """Whether every token of every row is supervised, so that counting those is counting tokens."""
    return all(entry.values["style"] == "PMD" and not entry.values.get("document_mask") for entry in named)


def more_of(document: Document, short: Sequence[Entry]) -> str:
    """Say what to add to datasets that are too small: examples where each of them has prompts, else text."""
    return f"add {'examples' if all(has_prompts(document, entry) for entry in short) else 'text'}"
