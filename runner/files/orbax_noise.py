"""Keeps the terminal for what users can act on, while a run writes through orbax, tensorstore and tensorboardX.

What fails there arrives as an exception, which becomes one sentence; but the writes that are given up with it also
speak for themselves, in tracebacks from threads of their own, until the interpreter has ended.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

GIVEN_UP = "Event loop is closed"  # what tensorstore's callbacks meet after orbax has failed


def quiet_loggers() -> None:
    """Keep the log messages of orbax, and of the tasks that it gives up, off the terminal."""
    for name in ("absl", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def quiet_writes() -> None:
    """From here on, keep quiet about writes in other threads that fail or that nobody waits for any more.

    For a process that is a run: whoever owns such a write finds out and says so.
    """
    quiet_loggers()
    if getattr(sys.excepthook, "quiet", False):
        return
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    sys.excepthook = _unless(_given_up, sys.excepthook)
    sys.unraisablehook = _unless(lambda found: _given_up(found) or _of_disk(found), sys.unraisablehook)
    threading.excepthook = _unless(_of_disk, threading.excepthook)


def _unless(quiet: Callable[..., bool], hook: Callable[..., object]) -> Callable[..., None]:
    @wraps(hook)
    def filtered(*found: Any) -> None:
        if not quiet(*found):
            hook(*found)

    filtered.quiet = True  # type: ignore[attr-defined]
    return filtered


def _given_up(*found: Any) -> bool:
    error = found[1] if len(found) > 1 else found[0].exc_value
    return str(error) == GIVEN_UP


def _of_disk(found: Any) -> bool:
    return issubclass(found.exc_type, OSError)
