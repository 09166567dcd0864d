"""The files of a token store, compared with its meta.json without being opened as arrays: no numpy is loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path

from runner.data.stores.meta import META_FILE, OFFSET_BYTES, REMEDY, StoreMeta, load_meta
from runner.failure import ExitCode, Failure

SPAN_BYTES = 2 * OFFSET_BYTES
ELSEWHERE = "bring it back, or say where it is in data/sources/NAME/tokens"


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, read in pieces. Raises OSError."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def check_sizes(folder: Path, name: str, meta: StoreMeta) -> None:
    """Compare sizes of a split: meta.json with the disk, and the counts in meta.json with each other.

    Raises Failure STORAGE, OSError, and ValueError for a type of tokens that is none.
    """
    split, there = meta.splits[name], meta.elsewhere.get(name)
    size = split.tokens * int(meta.dtype[-1:])
    whole = split.files["tokens"].bytes
    expected = {
        # A file of another program may hold the other split too.
        "tokens": whole if there is not None and 0 <= there.first <= whole - size else size,
        "offsets": (split.documents + 1) * OFFSET_BYTES,
        "supervised": split.spans * SPAN_BYTES,
    }
    sizes = {kind: file.bytes for kind, file in split.files.items()}
    counted = sum(split.lengths.values()), sum(length * documents for length, documents in split.lengths.items())
    if sizes != expected or counted != (split.documents, split.tokens):
        raise Failure(f"token store '{folder}': {META_FILE} contradicts itself; {REMEDY}", ExitCode.STORAGE)
    for kind, size in sizes.items():
        path = meta.file(folder, name, kind)
        actual = path.stat().st_size if path.exists() else None
        remedy = REMEDY if path.parent == folder else ELSEWHERE
        if actual is None:
            raise Failure(f"token store '{folder}': {_named(folder, path)} is missing; {remedy}", ExitCode.STORAGE)
        if actual != size:
            raise Failure(
                f"token store '{folder}': {_named(folder, path)} has {actual} bytes where {META_FILE} says {size}; "
                f"{remedy}",
                ExitCode.STORAGE,
            )


def verify_store(folder: Path) -> StoreMeta:
    """Read every byte of a store again and compare it with meta.json, which is returned. Raises Failure STORAGE."""
    meta = load_meta(folder)
    try:
        for name, split in meta.splits.items():
            check_sizes(folder, name, meta)
            for kind, file in split.files.items():
                if file_digest(path := meta.file(folder, name, kind)) != file.sha256:
                    raise other_content(folder, path)
    except (OSError, ValueError) as error:
        raise Failure(f"token store '{folder}' cannot be read: {error}; {REMEDY}", ExitCode.STORAGE) from error
    return meta


def other_content(folder: Path, path: Path) -> Failure:
    """The refusal of a file of a store whose content has changed."""
    return Failure(
        f"token store '{folder}': the content of {_named(folder, path)} is not what {META_FILE} recorded; "
        f"{REMEDY if path.parent == folder else ELSEWHERE}",
        ExitCode.STORAGE,
    )


def _named(folder: Path, path: Path) -> str:
    return path.name if path.parent == folder else str(path)
