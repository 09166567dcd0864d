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

*Fix.* Raise the budget; nothing is written, as only you know it. LR108, LR601, LR602 and LR613 wait until it is mended.
Where the rate is never at its peak, lower training/decay_pct; `--unsafe-fixes` writes 0.1. A phase full that starts
from trained weights may be all decay: that is how a stable run is cooled down.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.rules._stages import LEAST_STEPS, enough, under_one_step
from schema.rules._weights import is_restored
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import count, join

CODE = "LR104"
SLUG = "phase-too-short"
SEVERITY = Severity.WARNING

DECAY = "training/decay_pct"


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the steps of each phase, and at those at its peak."""
    phases = document.budget.phases
    for name, phase in phases.items():
        raised = any(under_one_step(document, stage) for stage in phase.stages)  # by LR103, to enough
        if 0 < phase.steps < LEAST_STEPS and not raised:
            first = phase.stages[0]
            message = f"phase {name} has {count(phase.steps, 'step')}, too few to train anything"
            remedy = f"write {enough(document, name, first)}, or make a step smaller"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(first.path), message, remedy)
    judged = phases.items() if document.budget.reads_decay_pct else ()
    falling = [
        f"phase {name}"
        for name, phase in judged
        if phase.steps >= LEAST_STEPS and phase.schedule_steps == (0, phase.steps)
        if name == "lora" or not is_restored(document)
    ]
    if falling:
        message = f"the learning rate of {join(falling, 'and')} falls from the first step on and is never at its peak"
        remedy = "write 0.1, or a warm-up of at least one step"
        lowered = fix(document.edits.replace(parse(DECAY), "0.1"), safe=False)
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(DECAY), message, remedy, fix=lowered)
