"""What a lint may know beyond the text: facts of the command that is about to run the spec."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Environment:
    """Facts that `exec` adds; rules that need them stay silent when no environment is given.

    `restore` says whether `--restore` names weights to start from.
    """

    restore: bool = False
