"""The keys of `training` where a mixture may have failed its check: budgets count steps without it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, overload

from schema.budget.stages import DATASET_KEY, TOKENS_KEY, AskedStage, asked_stages, one_budget
from schema.check.findings import Unavailable


class Unreadable(Sequence[Any]):
    """Stands where a mixture should be; asking what is in it raises Unavailable."""

    def __init__(self, path: str) -> None:
        self._path = path

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        raise Unavailable(self._path)

    def __len__(self) -> int:
        raise Unavailable(self._path)

    def __iter__(self) -> Iterator[Any]:
        raise Unavailable(self._path)


def readable(training: Any) -> Any:
    """Return `training` as an object whose mixtures may be `Unreadable`, one a stage; raise Unavailable for budgets."""
    return _Training(training)


def readable_stages(training: Any, given: Collection[str]) -> tuple[AskedStage, ...]:
    """Return the stages that `training` asks for, where `given` are the keys that the user wrote.

    Raises Unavailable for budgets that can't be read, and for a phase that has more or fewer of them than mixtures.
    """
    found = readable(training)
    for phase in TOKENS_KEY:
        budgets, mixtures = getattr(found, TOKENS_KEY[phase]), getattr(found, DATASET_KEY[phase])
        if len(budgets) != len(mixtures) and not one_budget(given):
            raise Unavailable(f"training/{TOKENS_KEY[phase]}")
    return asked_stages(found, given)


class _Training(SimpleNamespace):
    """Reads a key when it is asked for: a budget that nobody needs may have failed."""

    def __init__(self, training: Any) -> None:
        super().__init__(_training=training)

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(self._training, name)
        except Unavailable as failed:
            if name == "dataset":
                return Unreadable(str(failed))
            phase = next((phase for phase, key in DATASET_KEY.items() if key == name), None)
            if phase is None:
                raise
            return [Unreadable(str(failed)) for _ in getattr(self._training, TOKENS_KEY[phase])]
