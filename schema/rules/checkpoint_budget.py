"""The checkpoints that the run keeps at one time need more room than the disk has.

*Why it is bad.* The run would stop in the middle, when the disk is full. Kept are the checkpoint/keep newest, the last
and the checkpoint/best best of each phase and, from phase lora on, the frozen base; a new one is complete before an old
one goes. At the end comes what the section export asks for. Of a run that goes on, what it will keep and has already
written needs no more room.

*On*

```json
{"free_bytes": 400000000}
```

*Bad*

```yaml
checkpoint:
  keep: 3
```

*Good*

```yaml
checkpoint:
  keep: 1
```

*Fix.* Make room, lower checkpoint/keep, or name another folder with `--run-dir`; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schema.budget.bytes import checkpoint_bytes, export_bytes, state_bytes
from schema.budget.stages import Phase, StageBudget
from schema.document import Document
from schema.environment import Run
from schema.rules._machine import in_words
from schema.rules._stages import planned
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count, join, quote

CODE = "LR607"
SLUG = "checkpoint-budget"
SEVERITY = Severity.WARNING

WHOLE = {"data": 1, "fsdp": 1, "tensor": 1}


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


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the most that lies there at one time from now on with the free bytes, and with what lies there now."""
    machine = document.environment
    if machine is None or machine.free_bytes is None or (machine.run and machine.run.changes):
        return
    run, stages = machine.run or Run("the run directory"), planned(document)
    interval = document.value("logging/checkpoint_interval")
    there = _there(run, stages)
    full, lora = (_saves(stages, phase, interval, run.step or 0) for phase in ("full", "lora"))
    sizes = _sizes(document, bool(there.lora + lora))
    moments = _moments(there, full, lora, document.value("checkpoint/keep"), document.value("checkpoint/best"))
    worst = max(moments, key=lambda moment: moment.bytes(sizes))
    held = there._replace(base=there.base and worst.base, export=there.export and worst.export).bytes(sizes)
    if worst.bytes(sizes) <= machine.free_bytes + held:
        return
    parts = [f"{count(worst.full, 'checkpoint')} of {in_words(sizes.full)}"] * bool(worst.full)
    parts += [f"{count(worst.lora, 'checkpoint')} of {in_words(sizes.lora)}"] * bool(worst.lora)
    parts += [f"the frozen base of {in_words(sizes.base)}"] * worst.base
    parts += [f"the export of {in_words(sizes.export)}"] * bool(worst.export and sizes.export)
    message = (
        f"the run keeps up to {in_words(worst.bytes(sizes))} at one time, {join(parts, 'and')}, and the disk of "
        f"{quote(run.path) if machine.run else run.path} has {in_words(machine.free_bytes)} free"
        f"{f' beside the {in_words(held)} that lie there' if held else ''}"
    )
    path = next(
        (path for path in ("checkpoint/keep", "logging/checkpoint_interval") if document.given(path)), "checkpoint"
    )
    yield Diagnostic(
        CODE, SLUG, SEVERITY, document.span(path), message, "make room, lower checkpoint/keep, or use another disk"
    )


def _there(run: Run, stages: tuple[StageBudget, ...]) -> Kept:
    """What a run has written. An export counts at the end only: before, it lies there until another one is whole."""
    boundary = max((stage.end for stage in stages if stage.phase == "full"), default=0)
    adapted = sum(step > boundary for step in run.saved)
    over = run.step is not None and all(run.step >= stage.end for stage in stages)
    return Kept(len(run.saved) - adapted, adapted, "base" in run.holds, over and "export" in run.holds)


def _saves(stages: tuple[StageBudget, ...], phase: Phase, interval: int | str, done: int) -> int:
    """How many checkpoints a phase writes after step `done`: at multiples of the interval, and at its last step."""
    steps = [step for stage in stages if stage.phase == phase for step in (stage.start, stage.end)]
    if not steps or max(steps[0], done) >= steps[-1]:
        return 0
    first, last = max(steps[0], done), steps[-1]
    regular = last // interval - first // interval if isinstance(interval, int) else 0
    return regular + (not isinstance(interval, int) or last % interval != 0)


def _sizes(document: Document, adapted: bool) -> Sizes:
    architecture, lora = document.view("architecture"), document.view("optimization/lora")
    full, small = (checkpoint_bytes(architecture, lora, phase) for phase in ("full", "lora"))
    base = state_bytes(architecture, lora, WHOLE, "lora")["base"]
    return Sizes(full, small, base, export_bytes(architecture, lora, document.view("export"), adapted))


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
