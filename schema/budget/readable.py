"""The keys of `training` where a mixture may have failed its check: budgets count steps without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, overload

from schema.budget.stages import DATASET_KEY, TOKENS_KEY
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
