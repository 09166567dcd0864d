"""The one exception that a user sees, and the exit codes that schedulers act on."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any

AGAIN = "run the same command again"


class ExitCode(IntEnum):
    """The exit codes of the process, for shells and schedulers; `meaning` is what `--help` and README print.

    `remedy` is what to do where the sentence on standard error says nothing better.
    """

    meaning: str
    remedy: str

    DONE = 0, "done", "go on"
    FINDINGS = (
        1,
        "`validate` found something as bad as `--fail-on`, or something unexpected happened",
        "mend the findings; what is unexpected is shown by --traceback",
    )
    INVALID = 2, "the spec or the command line is wrong", "mend what the sentence names, and run the command again"
    STORAGE = 74, "a disk or a file failed", f"give the disk room or the file back, and {AGAIN}"
    PREEMPTED = (
        75,
        "preempted (Ctrl-C, SIGTERM, SIGHUP, SIGUSR1 …), or the hub failed: work is saved, run the same command again",
        AGAIN,
    )
    NUMERICS = 76, "a loss or a gradient is not finite", "lower the learning rate, and start a new run"
    EXPORT = (
        77,
        "adapters that learned nothing, or an export that is not the trained model",
        f"change the key that the sentence names, and {AGAIN}: the training is saved",
    )
    RESUME = (
        78,
        "resume refused: the run directory or the data belong to something else",
        "bring back what the run began with, or start a new run with another --run-dir",
    )
    IMPATIENT = (
        130,
        "stopped at once by a second Ctrl-C, `generate` and `init` by the first; checkpoints are whole",
        AGAIN,
    )

    def __new__(cls, code: int, meaning: str, remedy: str) -> ExitCode:
        """Make a member that equals its number and carries its meaning, and what to do."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.remedy = remedy
        return member


class Failure(Exception):  # noqa: N818  (a refusal is an answer, not a defect)
    """A refusal that a user can act on: one sentence (what, where; what to do instead) and an exit code.

    `details` are what `--format json` adds to it.
    """

    def __init__(self, message: str, exit_code: ExitCode, details: Mapping[str, Any] = MappingProxyType({})) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.details = details
