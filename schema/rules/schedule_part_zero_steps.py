"""warmup_pct or decay_pct is above zero and rounds to no step.

*Why it is bad.* A warm-up that was asked for does not happen, and large first updates can spoil a run.

*Bad*

```yaml
training:
  warmup_pct: 0.0005
```

*Good*

```yaml
training:
  warmup_pct: 0.02
```

*Fix.* Write a share of at least one step, which `--unsafe-fixes` does, or 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Severity, fix
from schema.document import Document, parse
from schema.rules._stages import phases, schedule
from schema.wording import count

CODE = "LR402"
SLUG = "schedule-part-zero-steps"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Round both shares in each phase, where the user wrote them."""
    for name, stages in phases(document).items():
        steps = sum(stage.steps for stage in stages)
        for key, part in zip(("warmup_pct", "decay_pct"), schedule(document, steps), strict=True):
            path = f"training/{key}"
            share = document.value(path)
            if part or not share or not steps or not document.given(path):
                continue
            least = f"{1 / steps:.2g}"
            message = f"{key} {share:g} of the {count(steps, 'step')} of phase {name} rounds to no step"
            written = fix(document.edits.replace(parse(path), least), safe=False)
            remedy = f"write {least}, one step, or 0"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=written)
