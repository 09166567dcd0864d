"""What a format is given: the findings, and how they are to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schema.text.diagnostic import Diagnostic


class Report(NamedTuple):
    """Findings of `files` specs, in the order in which they are shown; `colour` asks for ANSI colours.

    `errors` are those of specs that could not be read, each as `--format json` has it: with a `message`.
    """

    diagnostics: Sequence[Diagnostic]
    files: int = 1
    colour: bool = False
    errors: Sequence[Mapping[str, Any]] = ()
