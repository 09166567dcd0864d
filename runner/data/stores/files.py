"""The files of a token store, compared with its meta.json without being opened as arrays: no numpy is loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path

from runner.data.stores.meta import META_FILE, OFFSET_BYTES, REMEDY, SplitMeta, StoreMeta, load_meta, split_file
from runner.failure import ExitCode, Failure

SPAN_BYTES = 2 * OFFSET_BYTES


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, read in pieces. Raises OSError."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def check_sizes(folder: Path, name: str, split: SplitMeta, dtype: str) -> None:
    """Compare sizes: meta.json with the disk, and the counts in meta.json with each other.

    `dtype` is that of tokens, such as <u2. Raises Failure STORAGE, and ValueError for a type that is none.
    """
    expected = {
        "tokens": split.tokens * int(dtype[-1:]),
        "offsets": (split.documents + 1) * OFFSET_BYTES,
        "supervised": split.spans * SPAN_BYTES,
    }
    sizes = {kind: file.bytes for kind, file in split.files.items()}
    counted = sum(split.lengths.values()), sum(length * documents for length, documents in split.lengths.items())
    if sizes != expected or counted != (split.documents, split.tokens):
        raise Failure(f"token store '{folder}': {META_FILE} contradicts itself; {REMEDY}", ExitCode.STORAGE)
    for kind, size in sizes.items():
        path = split_file(folder, name, kind)
        actual = path.stat().st_size if path.exists() else None
        if actual is None:
            raise Failure(f"token store '{folder}': {path.name} is missing; {REMEDY}", ExitCode.STORAGE)
        if actual != size:
            raise Failure(
                f"token store '{folder}': {path.name} has {actual} bytes where {META_FILE} says {size}; {REMEDY}",
                ExitCode.STORAGE,
            )


def verify_store(folder: Path) -> StoreMeta:
    """Read every byte of a store again and compare it with meta.json, which is returned. Raises Failure STORAGE."""
    meta = load_meta(folder)
    try:
        for name, split in meta.splits.items():
            check_sizes(folder, name, split, meta.dtype)
            for kind, file in split.files.items():
                if file_digest(path := split_file(folder, name, kind)) != file.sha256:
                    raise other_content(folder, path.name)
    except (OSError, ValueError) as error:
        raise Failure(f"token store '{folder}' cannot be read: {error}; {REMEDY}", ExitCode.STORAGE) from error
    return meta


def other_content(folder: Path, file: str) -> Failure:
    """The refusal of a file of a store whose content has changed."""
    return Failure(
        f"token store '{folder}': the content of {file} is not what {META_FILE} recorded; {REMEDY}", ExitCode.STORAGE
    )
