"""What a dataset is called: the folder of its token store, and its label in metrics and evaluations."""

from __future__ import annotations

from collections.abc import Iterable

Key = tuple[str, str, str]  # name, suffix, style


def folder_name(name: str, suffix: str) -> str:
    """Return the folder of a store below data/root."""
    return f"{name}_{suffix}" if suffix else name


def labels(keys: Iterable[Key]) -> dict[Key, str]:
    """Label each dataset of a run, in the order of first use: web; and web:PADDED where it comes in a second style.

    What comes later changes no label before it: the order of a dataset's rows and its ledger hang on its label, and
    later stages may change while a run is under way.
    """
    found: dict[Key, str] = {}
    for name, suffix, style in keys:
        folder = folder_name(name, suffix)
        label = f"{folder}:{style}" if folder in found.values() else folder
        found.setdefault((name, suffix, style), label)
    return found
