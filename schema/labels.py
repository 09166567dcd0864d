"""What a dataset is called: the folder of its token store, and its label in metrics and evaluations."""

from __future__ import annotations

from collections.abc import Iterable

Key = tuple[str, str, str]  # name, suffix, style


def folder_name(name: str, suffix: str) -> str:
    """Return the folder of a store below data/root."""
    return f"{name}_{suffix}" if suffix else name


def labels(keys: Iterable[Key]) -> dict[Key, str]:
    """Label each dataset of a run by its folder, and by its style too where the run uses it in two: web:PMD."""
    unique = list(dict.fromkeys(keys))
    folders = [folder_name(name, suffix) for name, suffix, _ in unique]
    return {
        key: folder if folders.count(folder) == 1 else f"{folder}:{key[2]}"
        for key, folder in zip(unique, folders, strict=True)
    }
