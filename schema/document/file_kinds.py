"""The kinds of files that a source reads, by how their names end, and how they may be packed."""

from __future__ import annotations

from typing import NamedTuple

from schema.text.wording import join

TEXTS = (".txt", ".md")  # one document each, without records
LINES = (".jsonl", ".json", ".csv", ".tsv")  # records, written as text
TABLES = (".parquet", ".arrow")  # records in columns, which are packed inside
KINDS = (*TEXTS, *LINES, *TABLES)
PACKINGS = (".gz", ".zst", ".bz2")  # of every kind that is text
SUFFIXES = (*KINDS, *(kind + packing for kind in (*TEXTS, *LINES) for packing in PACKINGS))
ANY_KIND = f"{join(KINDS, 'or')} file"


class FileKind(NamedTuple):
    """What a file is: its kind, and how it is packed (empty where it is not); both with their dot."""

    kind: str
    packing: str

    @property
    def suffix(self) -> str:
        """How the name of such a file ends."""
        return self.kind + self.packing

    @property
    def has_records(self) -> bool:
        """Whether such a file is made of records, which have fields."""
        return self.kind not in TEXTS


def kind_of(name: str) -> FileKind | None:
    """Return what a file of this name is; None for a file that is not read."""
    stem = name.rsplit("/", 1)[-1]
    for suffix in SUFFIXES:
        if stem.endswith(suffix) and stem != suffix:  # a name that is an ending alone is a hidden file's
            packing = next((each for each in PACKINGS if suffix.endswith(each)), "")
            return FileKind(suffix.removesuffix(packing), packing)
    return None
