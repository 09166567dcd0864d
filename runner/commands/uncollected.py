"""What a command that lives for a tenth of a second does without: the collection of its garbage."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

# New objects between two collections. Loading the linter makes fewer, and none of them is garbage; a call on
# thousands of specs makes more, and stays in bounded memory.
ENOUGH = 100_000


@contextmanager
def uncollected() -> Iterator[None]:
    """Run a short command in which the collector sleeps while code is loaded, and at the exit of the process.

    Frozen objects are left out of the last collection: the operating system takes the memory back anyway.
    """
    atexit.register(gc.freeze)
    before = gc.get_threshold()
    gc.set_threshold(ENOUGH, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
