"""warmup_pct or decay_pct is above zero and rounds to no step.

*Why it is bad.* A warm-up that was asked for does not happen, and large first updates can spoil a run. Where one phase
has it, and the other is too short for it, that is an info.

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

*Fix.* Write a share of at least one step, which `--unsafe-fixes` does, or 0. Of a phase under ten steps LR104 speaks
instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_UP

from schema.document import Document, parse
from schema.rules._stages import LEAST_STEPS, share
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.scalars import spelled
from schema.text.wording import count, join

CODE = "LR402"
SLUG = "schedule-part-zero-steps"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Round both shares in each phase, where the user wrote them."""
    phases = document.budget.phases
    for part, key in enumerate(("warmup_pct", "decay_pct")):
        path = f"training/{key}"
        asked = document.value(path) if key != "decay_pct" or document.budget.reads_decay_pct else 0
        none = {
            name: phase.steps
            for name, phase in phases.items()
            if asked and phase.steps >= LEAST_STEPS and phase.schedule_steps[part] == 0
        }
        if not none or not document.given(path):
            continue
        shortest = min(none, key=lambda name: phases[name].steps)
        least = share(1, none[shortest], ROUND_UP)
        severity = Severity.INFO if any(phase.schedule_steps[part] for phase in phases.values()) else SEVERITY
        where = join([f"phase {name} ({count(steps, 'step')})" for name, steps in none.items()], "and")
        message = f"{key} {spelled(asked)} rounds to no step in {where}"
        raised = fix(document.edits.replace(parse(path), least), safe=False)
        remedy = f"write {least}, one step of phase {shortest}, or 0"
        yield Diagnostic(CODE, SLUG, severity, document.span(path), message, remedy, fix=raised)
