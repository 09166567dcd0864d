"""Where the preparation of data reports to; it prints nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Advance(Protocol):
    """Moves a progress bar on."""

    def __call__(self, units: int, tokens: int = 0) -> None:
        """Add units of the bar's total, and tokens that they became."""
        ...


class PreparationDisplay(Protocol):
    """Where preparation reports to."""

    def bar(self, label: str, total: int, done: int = 0) -> AbstractContextManager[Advance]:
        """Open a progress bar, of which so much is done before; the context's value moves it on."""
        ...

    def say(self, sentence: str) -> None:
        """Show the user one sentence."""
        ...


class Silent:
    """A `PreparationDisplay` that shows nothing."""

    @contextmanager
    def bar(self, label: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Swallow a progress bar."""
        del label, total, done
        yield lambda units, tokens=0: None

    def say(self, sentence: str) -> None:
        """Swallow a sentence."""
