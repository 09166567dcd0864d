"""JSON files that hold a digest of their own text: whoever reads one knows whether it changed.

The digest is the whole first line, `{"sha256": "…",`, and is of everything below it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.failure import ExitCode, Failure
from runner.files.atomic import write_atomically

KEY = "sha256"


def with_digest(text: str) -> str:
    """Return the text of an indented JSON object that is not empty, with its digest."""
    rest = text.removeprefix("{").rstrip("\n") + "\n"
    return _first_line(rest) + rest


def read_text(text: str) -> dict[str, Any]:
    """Read what `with_digest` wrote, without the digest. Raises ValueError where that is not what was written."""
    rest = text[text.find("\n") :] if "\n" in text else ""
    if text != _first_line(rest) + rest:
        raise ValueError("it is not as it was written")
    facts: dict[str, Any] = json.loads(text)
    del facts[KEY]
    return facts


def _first_line(rest: str) -> str:
    return f'{{"{KEY}": "{hashlib.sha256(rest.encode()).hexdigest()}",'


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Write a small JSON file with a digest of its own text, whole or not at all. Raises OSError."""
    write_atomically(path, with_digest(json.dumps(facts, indent=2)))


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_facts` wrote. Raises Failure STORAGE when it is missing, or not as it was written."""
    try:
        return read_text(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"cannot read {path}: {error}; the run directory is damaged", ExitCode.STORAGE) from error
