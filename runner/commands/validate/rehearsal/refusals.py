"""A Failure of `exec` as what the linter reports: the same sentence, its remedy apart."""

from __future__ import annotations

from runner.failure import Failure
from schema.environment import Obstacle, Refusal

OTHERWISE = "mend it, or name another one"


def obstacle(failure: Failure, key: str = "") -> Obstacle:
    """Return the sentence of a failure, divided before its last part, which says what to do instead."""
    message, _, remedy = str(failure).rpartition("; ")
    return Obstacle(message, remedy, key) if message else Obstacle(remedy, OTHERWISE, key)


def refusal(failure: Failure, key: str, value: object = "") -> Refusal:
    """Return the sentence of a failure about a key, or an option with its value, and what the spec says there."""
    found = obstacle(failure)
    return Refusal(found.message, found.remedy, key, str(value))
