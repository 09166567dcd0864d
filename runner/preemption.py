"""SIGINT and SIGTERM: between steps they are remembered, so that the step and its checkpoint complete;
elsewhere (preparation, compilation) they interrupt at once, as nothing is half-saved there."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Preemption:
    """Whether somebody asked this process to stop. A second request interrupts at once."""

    def __init__(self) -> None:
        self.requested = False
        self.patient = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: note it while steps run, else raise KeyboardInterrupt."""
        if self.requested or not self.patient:
            raise KeyboardInterrupt
        self.requested = True

    @contextmanager
    def during_steps(self) -> Iterator[None]:
        """Within this block a signal waits for the end of the step."""
        self.patient = True
        try:
            yield
        finally:
            self.patient = False


@contextmanager
def listen() -> Iterator[Preemption]:
    """Install the handlers and put the former ones back at the end."""
    preemption = Preemption()
    former = {number: signal.signal(number, preemption.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield preemption
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
