"""The room that a run needs on its disk: what it keeps at the worst moment that is still to come.

Kept are the checkpoint/keep newest checkpoints, the last and the best of each phase and, from phase lora on, the frozen
base; a new checkpoint is complete before an old one goes. At the end comes the export.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schema.environment import Run


class Sizes(NamedTuple):
    """Bytes of one checkpoint of each phase, of the frozen base, and of the export."""

    full: int
    lora: int
    base: int
    export: int


class Kept(NamedTuple):
    """What lies in the run directory at one moment: checkpoints of each phase, and whether base and export do."""

    full: int
    lora: int
    base: bool = False
    export: bool = False

    def bytes(self, sizes: Sizes) -> int:
        """How much that is."""
        return sum(number * size for number, size in zip(self, sizes, strict=True))


class DiskBudget(NamedTuple):
    """What a run keeps at its worst moment, in pieces and bytes, and the bytes of it that lie there already."""

    sizes: Sizes
    worst: Kept
    held: int

    @property
    def needed(self) -> int:
        """Bytes that lie there at the worst moment."""
        return self.worst.bytes(self.sizes)


def kept_now(run: Run, boundary: int, last_step: int) -> Kept:
    """What a run has written; phase full ends at step `boundary`, the run at `last_step`.

    An export counts at the end only: before, it lies there until another one is whole.
    """
    adapted = sum(step > boundary for step in run.saved)
    over = run.step is not None and run.step >= last_step
    return Kept(len(run.saved) - adapted, adapted, "base" in run.holds, over and "export" in run.holds)


def disk_budget(there: Kept, to_come: Kept, sizes: Sizes, keep: int, best: int) -> DiskBudget:
    """Find the worst moment of a run that has written `there`, and will write the checkpoints `to_come`."""
    moments = _moments(there, to_come.full, to_come.lora, keep, best)
    worst = max(moments, key=lambda moment: moment.bytes(sizes))
    held = there._replace(base=there.base and worst.base, export=there.export and worst.export)
    return DiskBudget(sizes, worst, held.bytes(sizes))


def _moments(there: Kept, full: int, lora: int, keep: int, best: int) -> Iterator[Kept]:
    """What lies there at the moments that can be the worst: while a checkpoint of either phase is written, of which
    `full` and `lora` are to come, and when the run is over."""
    most, whole, adapted = keep + 1 + best, there.full + full, there.lora + lora
    if full:
        yield Kept(min(whole, most), 0)
    if lora:  # the first of them are written beside all of phase full, then one of those goes for each; and the last
        first, last = there.lora + 1, max(there.lora + 1, min(adapted, most))
        for late in (first, min(max(first, most - whole), last), last):
            yield Kept(min(whole, max(keep + 1 - late, 1) + best), min(late, most), base=True)
    late = min(adapted, keep)
    if adapted:
        yield Kept(min(whole, max(keep - late, 1) + best), min(adapted, late + best), base=True, export=True)
    else:
        yield Kept(min(whole, keep + best), 0, export=bool(whole))
