"""A phase is too short for its schedule to mean anything.

*Why it is bad.* Below ten steps, or without one step at the peak learning rate, a phase hardly trains; budgets are
more often a factor of a thousand off than meant so.

*Bad*

```yaml
training:
  post_lora_tokens: [5120]
```

*Good*

```yaml
training:
  post_lora_tokens: [204800]
```

*Fix.* Raise the budget (here LR108 and LR402 say more), or lower training/decay_pct where the rate never reaches its
peak.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Severity
from schema.document import Document
from schema.rules._stages import phases, schedule, stage_path
from schema.wording import count

CODE = "LR104"
SLUG = "phase-too-short"
SEVERITY = Severity.WARNING

LEAST_STEPS = 10


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the steps of each phase, and at those at its peak."""
    for name, stages in phases(document).items():
        steps = sum(stage.steps for stage in stages)
        if steps == 0:
            continue
        warmup, decay = schedule(document, steps)
        if steps < LEAST_STEPS:
            message = f"phase {name} has {count(steps, 'step')}, too few to train anything"
            remedy = "raise its budget, or make a step smaller"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(stage_path(stages[0])), message, remedy)
        elif warmup == 0 and decay == steps:
            message = f"the learning rate of phase {name} decays from its first step and is never at its peak"
            where = document.span("training/decay_pct")
            yield Diagnostic(CODE, SLUG, SEVERITY, where, message, "write a share below 1, such as 0.1")
