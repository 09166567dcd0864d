"""What a dataset is called: the folder of its token store, and its label in metrics and evaluations."""

from __future__ import annotations

from collections.abc import Iterable

Key = tuple[str, str, str]  # name, suffix, style


def folder_name(name: str, suffix: str) -> str:
    """Return the folder of a store below data/root."""
    return f"{name}_{suffix}" if suffix else name


def styles_of(keys: Iterable[Key]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the styles in which a run has each dataset, by name and suffix, in the order of first use."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for name, suffix, style in keys:
        known = found.setdefault((name, suffix), ())
        found[name, suffix] = known if style in known else (*known, style)
    return found


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
