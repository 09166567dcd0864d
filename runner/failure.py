"""The one exception that a user sees, and the exit codes that schedulers act on."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the process, for shells and schedulers; `meaning` is what `--help` and README print."""

    meaning: str

    DONE = 0, "done"
    FINDINGS = 1, "`validate` found something as bad as `--fail-on`, or something unexpected happened"
    INVALID = 2, "the spec or the command line is wrong"
    STORAGE = 74, "a disk or a file failed"
    PREEMPTED = 75, "preempted (Ctrl-C, SIGTERM, SIGUSR1), or the hub failed: work is saved, run the same command again"
    NUMERICS = 76, "a loss or a gradient is not finite"
    EXPORT = 77, "adapters that learned nothing, or an export that is not the trained model"
    RESUME = 78, "resume refused: the run directory or the data belong to something else"
    IMPATIENT = 130, "stopped at once by a second Ctrl-C, `generate` by the first; checkpoints are whole"

    def __new__(cls, code: int, meaning: str) -> ExitCode:
        """Make a member that equals its number and carries its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member


class Failure(Exception):  # noqa: N818  (a refusal is an answer, not a defect)
    """A refusal that a user can act on: one sentence (what, where, what to do instead) and an exit code."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code
