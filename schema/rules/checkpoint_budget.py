"""The checkpoints that the run keeps at one time need more room than the disk has.

*Why it is bad.* The run would stop in the middle, when the disk is full. Kept are the checkpoint/keep newest, the last
and the checkpoint/best best of each phase and, from phase lora on, the frozen base; a new one is complete before an old
one goes. At the end comes what the section export asks for.

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

from schema.budget import Phase, StageBudget
from schema.diagnostic import Diagnostic, Severity
from schema.document import Document
from schema.footprint import checkpoint_bytes, export_bytes, state_bytes
from schema.rules._machine import in_words
from schema.rules._stages import planned
from schema.wording import count, join, quote

CODE = "LR607"
SLUG = "checkpoint-budget"
SEVERITY = Severity.WARNING

WHOLE = {"data": 1, "fsdp": 1, "tensor": 1}


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the most that lies there at one time with the free bytes; a run that goes on has written some of it."""
    machine = document.environment
    if machine is None or machine.free_bytes is None or (machine.run and machine.run.step is not None):
        return
    architecture, lora = document.view("architecture"), document.view("optimization/lora")
    interval, stages = document.value("logging/checkpoint_interval"), planned(document)
    full, adapted = (_saves(stages, phase, interval) for phase in ("full", "lora"))
    sizes = [checkpoint_bytes(architecture, lora, phase) for phase in ("full", "lora")]
    base = state_bytes(architecture, lora, WHOLE, "lora")["base"] if adapted else 0
    newest, best = document.value("checkpoint/keep"), document.value("checkpoint/best")
    export = export_bytes(architecture, lora, document.view("export"), bool(adapted)) if full or adapted else 0
    moments = list(_moments(full, adapted, newest, best))
    exported = [0] * (len(moments) - 1) + [export]
    kept, export = max(zip(moments, exported, strict=True), key=lambda moment: _sum(moment[0], sizes, base) + moment[1])
    needed = _sum(kept, sizes, base) + export
    if needed <= machine.free_bytes:
        return
    parts = [
        f"{count(number, 'checkpoint')} of {in_words(size)}" for number, size in zip(kept, sizes, strict=True) if number
    ]
    if kept[1]:
        parts.append(f"the frozen base of {in_words(base)}")
    if export:
        parts.append(f"the export of {in_words(export)}")
    where = quote(machine.run.path) if machine.run else "the run directory"
    message = (
        f"the run keeps up to {in_words(needed)} at one time, {join(parts, 'and')}, and the disk of {where} has "
        f"{in_words(machine.free_bytes)} free"
    )
    path = next(
        (path for path in ("checkpoint/keep", "logging/checkpoint_interval") if document.given(path)), "checkpoint"
    )
    yield Diagnostic(
        CODE, SLUG, SEVERITY, document.span(path), message, "make room, lower checkpoint/keep, or use another disk"
    )


def _saves(stages: tuple[StageBudget, ...], phase: Phase, interval: int | str) -> int:
    """How many checkpoints a phase writes: at multiples of the interval, and at its last step."""
    steps = [step for stage in stages if stage.phase == phase for step in (stage.start, stage.end)]
    if not steps or steps[0] == steps[-1]:
        return 0
    first, last = steps[0], steps[-1]
    regular = last // interval - first // interval if isinstance(interval, int) else 0
    return regular + (not isinstance(interval, int) or last % interval != 0)


def _moments(full: int, lora: int, keep: int, best: int) -> Iterator[tuple[int, int]]:
    """Checkpoints of each phase that lie there while one is written, at the moments that can be the worst; and, last,
    when the run is over."""
    yield min(full, keep + 1 + best), 0
    if lora:
        yield min(full, keep + best), 1
        late = min(lora, keep + 1)
        yield min(full, max(keep - (late - 1), 1) + best), min(lora, late + best)
        late = min(lora, keep)
        yield min(full, max(keep - late, 1) + best), min(lora, late + best)
    else:
        yield min(full, keep + best), 0


def _sum(kept: tuple[int, int], sizes: list[int], base: int) -> int:
    return kept[0] * sizes[0] + kept[1] * sizes[1] + (base if kept[1] else 0)
