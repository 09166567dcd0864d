"""The checkpoints that the run keeps at one time need more room than the disk has.

*Why it is bad.* The run would stop in the middle, when the disk is full. Kept are the checkpoint/keep newest, the last
and the checkpoint/best best of each phase and, from phase lora on, the frozen base; a new one is complete before an old
one goes. At the end comes what the section export asks for. Of a run that resumes, what it will keep and has already
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

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count, in_words, join, quote

CODE = "LR607"
SLUG = "checkpoint-budget"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the most that lies there at one time from now on with the free bytes, and with what lies there now."""
    machine = document.environment
    if machine is None or machine.free_bytes is None or (machine.run and machine.run.changes):
        return
    disk = document.budget.disk
    if disk.needed <= machine.free_bytes + disk.held:
        return
    worst, sizes = disk.worst, disk.sizes
    parts = [f"{count(worst.full, 'checkpoint')} of {in_words(sizes.full)}"] * bool(worst.full)
    parts += [f"{count(worst.lora, 'checkpoint')} of {in_words(sizes.lora)}"] * bool(worst.lora)
    parts += [f"the frozen base of {in_words(sizes.base)}"] * worst.base
    parts += [f"the export of {in_words(sizes.export)}"] * bool(worst.export and sizes.export)
    message = (
        f"the run keeps up to {in_words(disk.needed)} at one time, {join(parts, 'and')}, and the disk of "
        f"{quote(machine.run.path) if machine.run else 'the run directory'} has {in_words(machine.free_bytes)} free"
        f"{f' beside the {in_words(disk.held)} that lie there' if disk.held else ''}"
    )
    path = next(
        (path for path in ("checkpoint/keep", "logging/checkpoint_interval") if document.given(path)), "checkpoint"
    )
    yield Diagnostic(
        CODE, SLUG, SEVERITY, document.span(path), message, "make room, lower checkpoint/keep, or use another disk"
    )
