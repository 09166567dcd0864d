"""Files of object stores and of the hub, by fsspec: s3, gs, hf. Credentials are those of their own programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from runner.files.remote.file import MissingPackageError, RemoteFile, Stream
from schema.document.remote import PROTOCOLS, is_pattern, protocol_of, shown

# What the stores call the version of a file, the best first.
VERSIONS = ("ETag", "etag", "blob_id", "md5Hash", "crc32c", "mtime", "LastModified", "updated", "created")
BLOCK_BYTES = 2**22


def look(address: str) -> list[RemoteFile]:
    """List the files that an address names: one, those of a folder, or those of a pattern, by name.

    Raises MissingPackageError, and what the store's program raises.
    """
    files, path = _opened(address)
    if is_pattern(address):
        found: dict[str, Any] = files.glob(path, detail=True)
    else:
        facts = files.info(path)
        found = files.find(path, detail=True) if facts["type"] == "directory" else {path: facts}
    return [
        RemoteFile(files.unstrip_protocol(name), facts.get("size"), _version(facts), partial(_open_at, files, name))
        for name, facts in sorted(found.items())
        if facts["type"] == "file"
    ]


def _opened(address: str) -> tuple[Any, str]:
    import fsspec

    protocol = protocol_of(address) or ""
    try:
        files, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        package = PROTOCOLS.get(protocol) or protocol
        raise MissingPackageError(f"{shown(address)} is read by {package}, and that is not installed") from error
    files.invalidate_cache()
    return files, path


def _version(facts: dict[str, Any]) -> str:
    return next((f"{name} {facts[name]}" for name in VERSIONS if facts.get(name)), "")


@contextmanager
def _open_at(files: Any, name: str, start: int) -> Iterator[Stream]:
    with files.open(name, "rb", block_size=BLOCK_BYTES) as stream:
        stream.seek(start)
        yield Stream(stream, start)
