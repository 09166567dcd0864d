"""What a dataset is called: the folder of its token store, and its label in metrics and evaluations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple


class Key(NamedTuple):
    """What distinguishes the datasets of a run: a style cuts its own rows, and a document mask masks them."""

    name: str
    suffix: str
    style: str
    document_mask: bool = False

    @property
    def is_segmented(self) -> bool:
        """Whether its rows have segments, which attention must not cross: examples, or the documents of a row."""
        return self.style == "PACKED" or self.document_mask


def key_of(entry: Any) -> Key:
    """Return the key of an entry of a mixture; only PMD reads its document_mask."""
    style = str(entry.style)
    return Key(entry.name, entry.suffix, style, style == "PMD" and entry.document_mask)


def folder_name(name: str, suffix: str) -> str:
    """Return the folder of a store below data/root."""
    return f"{name}_{suffix}" if suffix else name


def styles_of(keys: Iterable[Key]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the styles in which a run has each dataset, by name and suffix, in the order of first use."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for name, suffix, style, _ in keys:
        known = found.setdefault((name, suffix), ())
        found[name, suffix] = known if style in known else (*known, style)
    return found


def labels(keys: Iterable[Key]) -> dict[Key, str]:
    """Label each dataset of a run, in the order of first use: web; and web:PADDED where it comes in a second style.

    Where it comes with a document mask too, and both labels are taken, that is web:PMD:document_mask.

    What comes later changes no label before it: the order of a dataset's rows and its ledger hang on its label, and
    later stages may change while a run is under way.
    """
    found: dict[Key, str] = {}
    for key in keys:
        folder = folder_name(key.name, key.suffix)
        styled = f"{folder}:{key.style}"
        choices = (folder, styled, f"{styled}:{'document_mask' if key.document_mask else 'plain'}")
        if key not in found:
            found[key] = next(label for label in choices if label not in found.values())
    return found
