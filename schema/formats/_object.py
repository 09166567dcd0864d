"""JSON as every command writes it: one object that begins with the version of its shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# Raised by one where a key goes, is called something else or means something else; new keys alone don't raise it.
VERSION = 1


def json_text(facts: Mapping[str, Any], *, one_line: bool = False) -> str:
    """Write an object that begins with `version`, with a newline behind it. ASCII only, so that any stream carries it.

    Raises ValueError for a number that JSON has not.
    """
    layout = None if one_line else 2
    return json.dumps({"version": VERSION, **facts}, indent=layout, default=list, allow_nan=False) + "\n"
