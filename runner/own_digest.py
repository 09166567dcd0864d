"""JSON files of ours that hold a digest of their own text, so that whoever reads one again can tell whether it changed.

The digest is the whole first line, `{"sha256": "…",`, and is of everything below it. A file whose first line is a
brace alone was written before there were digests: it is read, and nothing proves it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

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
