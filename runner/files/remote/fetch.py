"""Fetch a file of another machine into a folder: what has come stays, and is gone on with after a cut or a kill."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from runner.files.atomic import write_atomically
from runner.files.network import CutShort, Patience, with_retries
from runner.files.remote.file import ChangedError, RemoteFile
from schema.document.remote import file_name, shown

CHUNK_BYTES = 2**20


def fetch(remote: RemoteFile, folder: Path, patience: Patience) -> Path:
    """Return the place of a file in a folder of its own, fetched where it is not there whole.

    Raises Failure PREEMPTED where the server fails to the end, ChangedError for a file that became another one
    meanwhile, OSError, and what the server refuses.
    """
    target, note = folder / file_name(remote.address), folder / "version.json"
    part = folder / "part"
    version = [shown(remote.address), remote.bytes, remote.identity]
    if not (note.is_file() and json.loads(note.read_bytes()) == version and remote.identity):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_atomically(note, json.dumps(version))
    if target.is_file():
        return target

    def arrived() -> int:
        return part.stat().st_size if part.exists() else 0

    def action() -> None:
        with remote.open_at(arrived() if remote.identity else 0) as stream, part.open("ab") as file:
            file.truncate(stream.start)
            shutil.copyfileobj(stream.bytes, file, CHUNK_BYTES)
        if remote.bytes is not None and arrived() < remote.bytes:
            raise CutShort
        if remote.bytes is not None and arrived() > remote.bytes:
            raise ChangedError(remote.address)

    with_retries(action, shown(remote.address), patience=patience, progress=arrived)
    part.replace(target)
    return target
