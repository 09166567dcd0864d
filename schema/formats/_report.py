"""What a format is given: the findings, and how they are to look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schema.text.diagnostic import Diagnostic


class Report(NamedTuple):
    """Findings of `files` specs, in the order in which they are shown; `colour` asks for ANSI colours."""

    diagnostics: Sequence[Diagnostic]
    files: int = 1
    colour: bool = False
