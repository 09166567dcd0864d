"""A second Ctrl-C ends the process within seconds, whatever it waits for: a disk that hangs, a device that is silent.

Python runs signal handlers in the main thread, between two of its own instructions. Where that thread waits for
native code, or for another thread, this one still hears of signals. Ending here is no worse than `kill -9`, after which
the next process tidies up; the lock of the run directory is held until then.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from runner.failure import ExitCode
from runner.process.preemption import Preemption

GRACE = 1.0  # seconds in which the main thread may leave by itself, and once more in which Python may shut down
CLEAR_LINE = "\r\x1b[2K\x1b[?25h"  # and show the cursor
STOPPED_AT_ONCE = "lorarun: stopped at once; checkpoints are whole, what followed the last one is lost"


@contextmanager
def ended_by_impatience(preemption: Preemption, stream: int = 2, words: str = STOPPED_AT_ONCE) -> Iterator[None]:
    """Within this block a second SIGINT ends the process, with IMPATIENT, unless it ends by itself before.

    Its last words go to a stream: 1 is standard output, 2 standard error.

    To be entered while SIGINT has a handler of Python's; a thread beside the main one is left as it is.
    """
    if threading.current_thread() is not threading.main_thread():  # which hears no signals
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    former, left = signal.set_wakeup_fd(writer, warn_on_full_buffer=False), threading.Event()
    said = {stream: f"{words}\n"}
    threading.Thread(target=_watch, args=(reader, left, preemption, said), name="impatience", daemon=True).start()
    try:
        yield
    finally:
        left.set()
        signal.set_wakeup_fd(former)
        os.close(writer)


def _watch(reader: int, left: threading.Event, preemption: Preemption, said: dict[int, str]) -> None:
    """Read numbers of signals until the second SIGINT, or until there will be no more."""
    pressed = 0
    while pressed < 2:
        numbers = os.read(reader, 64)
        if not numbers:
            os.close(reader)
            return
        pressed += numbers.count(signal.SIGINT)
    preemption.impatient = True  # of two signals within one call of native code, Python's handler hears but once
    if left.wait(GRACE):  # whoever left says why
        time.sleep(GRACE)
    else:
        last_words = threading.Thread(target=_say, args=(said,), daemon=True)  # which a full pipe would never take
        last_words.start()
        last_words.join(GRACE)
    os._exit(ExitCode.IMPATIENT)


def _say(said: dict[int, str]) -> None:
    """Write past Python's buffers, which another thread may hold; on a terminal, in place of the live line."""
    for stream in (2, 1):
        with suppress(OSError):  # nobody may be reading any more
            os.write(stream, ((CLEAR_LINE if os.isatty(stream) else "") + said.get(stream, "")).encode())
