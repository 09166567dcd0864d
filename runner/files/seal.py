"""A sealed folder: sizes and digests of all its files stand in a manifest that is written last.

`seal` and `check_seal` return a `Sealed`: the folder as it was verified, handed on to whoever reads its arrays, so that
no file is hashed twice. Neither jax nor numpy is loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.files.atomic import sync, write_atomically

MANIFEST = "manifest.json"  # of a sealed folder: a checkpoint, a base, an export


class Damaged(Exception):  # noqa: N818  (what is found is a fact about the disk, not an error of this program)
    """A folder that is not as it was sealed; the message says why, without naming the folder."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A folder whose every byte was read and is as it was sealed; `digest` is that of its manifest."""

    path: Path
    facts: Mapping[str, Any]
    digest: str

    @property
    def bytes(self) -> int:
        """Bytes of all files but the manifest."""
        return sum(file["bytes"] for file in self.facts["files"].values())


def seal(folder: Path, facts: Mapping[str, Any]) -> Sealed:
    """Bring every file of a folder to the disk and write its manifest, with `facts` beside the list of files.

    Digests are of the files as they were written, read back. Raises OSError.
    """
    files = {name: {"bytes": path.stat().st_size, "sha256": _digest(path)} for name, path in _files(folder)}
    for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync(each)
    sealed = Sealed(folder, {**facts, "files": files}, _digest_of({**facts, "files": files}))
    write_atomically(folder / MANIFEST, _text(sealed.facts))
    return sealed


def sealed_facts(folder: Path) -> dict[str, Any]:
    """Return the facts of a folder's manifest, and the list of its `files`. Raises Damaged."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        facts: dict[str, Any] = json.loads(text)["facts"]
    except FileNotFoundError as error:
        raise Damaged("it has no manifest.json" if folder.is_dir() else "it is missing") from error
    except OSError as error:
        raise Damaged(f"manifest.json cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise Damaged("manifest.json is not JSON of lorarun") from error
    if text != _text(facts):
        raise Damaged("manifest.json does not agree with its own digest")
    return facts


def check_seal(folder: Path) -> Sealed:
    """Read every file of a sealed folder again. Raises Damaged with what differs first."""
    facts = sealed_facts(folder)
    for name, expected in facts["files"].items():
        path = folder / name
        try:
            found = path.stat().st_size
            if found != expected["bytes"]:
                raise Damaged(f"{name} has {found:,} bytes in place of {expected['bytes']:,}")
            if _digest(path) != expected["sha256"]:
                raise Damaged(f"the bytes of {name} have changed")
        except FileNotFoundError as error:
            raise Damaged(f"{name} is missing") from error
        except OSError as error:
            raise Damaged(f"{name} cannot be read: {error.strerror or error}") from error
    return Sealed(folder, facts, _digest_of(facts))


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder but its manifest, by its path there."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST:
            yield name, path


def _digest(path: Path) -> str:
    """sha256 of a file, which is on the disk when this returns."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(facts: Mapping[str, Any]) -> str:
    """The one text that a manifest with these facts has, so that any other byte in it shows."""
    return json.dumps({"sha256": _digest_of(facts), "facts": facts}, indent=1) + "\n"


def _digest_of(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
