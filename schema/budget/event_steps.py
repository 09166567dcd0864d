"""The steps at which something happens, as ranges: a plan of a billion steps stays small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class EventSteps:
    """Ascending steps, given as ranges that follow one another."""

    __slots__ = ("_parts",)

    def __init__(self, *parts: range) -> None:
        self._parts = tuple(part for part in parts if part)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @property
    def number(self) -> int:
        """How many they are, however many: `len` refuses more than a machine word holds."""
        return sum(-(-(part.stop - part.start) // part.step) for part in self._parts)

    def after(self, step: int) -> EventSteps:
        """Those that come after a step."""
        return EventSteps(*(part[max(0, -(-(step + 1 - part.start) // part.step)) :] for part in self._parts))

    def __iter__(self) -> Iterator[int]:
        for part in self._parts:
            yield from part

    def __contains__(self, step: object) -> bool:
        return any(step in part for part in self._parts)

    def __getitem__(self, number: int) -> int:
        for part in self._parts:
            if 0 <= number < len(part):
                return part[number]
            number -= len(part)
        raise IndexError(number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventSteps) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)


def event_steps(interval: int | str, first: int, last: int, from_first: bool = False) -> EventSteps:
    """Return the multiples of the interval from `first` to `last`, and `last` itself; that alone for `never`.

    `from_first` adds the first step. A phase without a step, whose last one is before its first, has none.
    """
    if last < first:
        return EventSteps()
    regular = range(-(-first // interval) * interval, last + 1, interval) if isinstance(interval, int) else range(0)
    before = range(first, first + 1) if from_first and first not in regular and first != last else range(0)
    return EventSteps(before, regular, range(0) if last in regular else range(last, last + 1))


def is_scored(sections: Any) -> bool:
    """Whether the sections of a spec ask for losses on validation splits, of validation or of evaluations."""
    training = sections.training
    return bool(training.validation or (training.evaluate and sections.eval.evaluations))
