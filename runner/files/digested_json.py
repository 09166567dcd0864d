"""JSON files of ours that hold a digest of their own text, so that whoever reads one again can tell whether it changed.

The digest is the whole first line, `{"sha256": "…",`, and is of everything below it. A file whose first line is a
brace alone was written before there were digests: it is read, and nothing proves it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from runner.failure import ExitCode, Failure
from runner.files.atomic import write_atomically

KEY = "sha256"


class OwnText(NamedTuple):
    """What a file says, without the digest, and whether a digest proves it."""

    facts: dict[str, Any]
    proven: bool


def with_digest(text: str) -> str:
    """Return the text of an indented JSON object that is not empty, with its digest."""
    rest = text.removeprefix("{").rstrip("\n") + "\n"
    return _first_line(rest) + rest


def read_text(text: str) -> OwnText:
    """Read what `with_digest` or an older version wrote. Raises ValueError where that is not what was written."""
    rest = text[text.find("\n") :] if "\n" in text else ""
    proven = text == _first_line(rest) + rest
    facts = json.loads(text)
    older = text.startswith("{\n") and KEY not in facts
    if not isinstance(facts, dict) or not (proven or older):
        raise ValueError("it is not as it was written")
    return OwnText({name: value for name, value in facts.items() if name != KEY}, proven)


def _first_line(rest: str) -> str:
    return f'{{"{KEY}": "{hashlib.sha256(rest.encode()).hexdigest()}",'


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Write a small JSON file with a digest of its own text, whole or not at all. Raises OSError."""
    write_atomically(path, with_digest(json.dumps(facts, indent=2)))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of ours. Raises Failure STORAGE when it is missing, or not as it was written."""
    try:
        return read_text(path.read_text(encoding="utf-8")).facts
    except (OSError, ValueError) as error:
        raise Failure(f"cannot read {path}: {error}; the run directory is damaged", ExitCode.STORAGE) from error
