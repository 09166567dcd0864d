"""The one exception that a user sees, and the exit codes that schedulers act on."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process's status tells a shell or a scheduler."""

    DONE = 0
    FINDINGS = 1  # validate found errors, or something unexpected happened
    INVALID = 2  # the spec or the command line is wrong
    STORAGE = 74  # a disk or a file failed
    PREEMPTED = 75  # stopped from outside: run the same command again
    NUMERICS = 76  # a loss or gradient is not finite
    EXPORT = 77  # an export differs from the trained model
    RESUME = 78  # what lies in the run directory does not belong to this spec
    IMPATIENT = 130  # a second Ctrl-C, as shells number it


class Failure(Exception):  # noqa: N818  (a refusal is an answer, not an error of ours)
    """A refusal that a user can act on: one sentence (what, where, what to do instead) and an exit code."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code
