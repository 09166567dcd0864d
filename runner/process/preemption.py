"""Signals that ask a process to end: between steps they are remembered, so that the step and its checkpoint complete;
elsewhere (preparation, compilation) they interrupt at once, as nothing is half-saved there. Loading waits too."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
# What else ends a process that does not listen: a terminal that hangs up, schedulers' warnings, limits of time, a power
# failure. Whoever ignores one of them (nohup), or listens to it, wants something else.
UNLESS_TAKEN = tuple(
    signal.Signals[name]
    for name in ("SIGHUP", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGXCPU", "SIGPWR")
    if name in signal.Signals.__members__
)

SOON = 0.02  # seconds


class Impatience(KeyboardInterrupt):
    """A second Ctrl-C: stop now, whatever is not saved yet."""


class Preemption:
    """Whether somebody asked this process to stop (`requested`), and with a second SIGINT at once (`impatient`).

    Schedulers repeat themselves (SIGUSR1, then SIGTERM): what they send again changes nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self.impatient = False
        self.patient = False
        self._loading = False
        self._pressed = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: note it while steps run, else raise KeyboardInterrupt."""
        self.requested = True
        if number == signal.SIGINT:
            self.impatient, self._pressed = self.impatient or self._pressed, True
        if not self._loading and (self.impatient or not self.patient):
            self.check()

    def is_requested(self) -> bool:
        """Whether somebody asked."""
        return self.requested

    def check(self) -> None:
        """Raise KeyboardInterrupt when somebody asked."""
        if self.impatient:
            raise Impatience
        if self.requested:
            raise KeyboardInterrupt

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Within this block every signal waits for its end: native libraries do not outlive an interrupted import."""
        self._loading = True
        try:
            yield
        finally:
            self._loading = False
        self.check()

    @contextmanager
    def during_steps(self) -> Iterator[None]:
        """Within this block a signal waits for the end of the step."""
        self.patient = True
        try:
            self.check()
            yield
        finally:
            self.patient = False


@contextmanager
def listen(until_exit: bool = False) -> Iterator[Preemption]:
    """Install the handlers and put the former ones back at the end.

    With `until_exit` the process ends afterwards: what a scheduler sends again while Python shuts down is ignored, so
    that the exit status stays the one that was set; Ctrl-C still ends a shutdown that takes too long.
    A thread beside the main one hears no signals: whoever started it decides what they do.
    """
    preemption = Preemption()
    if threading.current_thread() is not threading.main_thread():
        yield preemption
        return
    free = [number for number in UNLESS_TAKEN if _is_free(signal.getsignal(number))]
    former = {number: signal.signal(number, preemption.handle) for number in (*SIGNALS, *free)}
    hook = sys.unraisablehook
    sys.unraisablehook = partial(_raise_again, hook)
    try:
        yield preemption
    finally:
        sys.unraisablehook = hook
        for number, handler in former.items():
            signal.signal(number, signal.SIG_IGN if until_exit and number != signal.SIGINT else handler)


def _raise_again(otherwise: Callable[[Any], object], dropped: Any) -> None:
    """Interrupt the main thread once more where Python dropped an interrupt, as it does in callbacks of libraries.

    A moment later, since this is called within that callback; as SIGTERM, which makes no second Ctrl-C of the first.
    """
    if dropped.exc_type is not None and issubclass(dropped.exc_type, KeyboardInterrupt):
        threading.Timer(SOON, _interrupt_main).start()
    else:
        otherwise(dropped)


def _interrupt_main() -> None:
    """Send SIGTERM to the main thread, which also ends a wait of it, unless nobody listens any more."""
    if callable(signal.getsignal(signal.SIGTERM)):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _is_free(handler: Any) -> bool:
    """Whether nobody but an outer `listen` has decided what a signal does."""
    return handler is signal.SIG_DFL or isinstance(getattr(handler, "__self__", None), Preemption)
