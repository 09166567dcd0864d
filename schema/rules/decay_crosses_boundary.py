"""A phase's decay is longer than its last stage, so that it starts inside an earlier one.

*Why it is good to know.* The last stage is mostly there for the data that the decay is to see; here a part of the decay
is spent on the stage before.

*Bad*

```yaml
training:
  decay_pct: 0.3
  pre_lora_tokens: [921600, 102400]
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD}]
  - [{name: books, rate: 1.0, style: PMD}]
```

*Good*

```yaml
training:
  decay_pct: 0.1
  pre_lora_tokens: [921600, 102400]
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD}]
  - [{name: books, rate: 1.0, style: PMD}]
```

*Fix.* Shorten the decay to the last stage, which `--unsafe-fixes` does, or lengthen that stage. A decay that is longer
only by the rounding to whole steps is fine.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN
from fractions import Fraction

from schema.budget.stages import share_of_steps
from schema.document import Document
from schema.rules._edits import put
from schema.rules._stages import LEAST_STEPS, share
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import count

CODE = "LR105"
SLUG = "decay-crosses-boundary"
SEVERITY = Severity.INFO

DECAY = "training/decay_pct"


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the decay of each phase of several stages with the last of them."""
    for name, phase in document.budget.phases.items() if document.budget.reads_decay_pct else ():
        decay, last, asked = phase.schedule_steps[1], phase.stages[-1], Fraction(str(document.value(DECAY)))
        fits = decay <= last.steps or asked * sum(stage.tokens for stage in phase.stages) <= last.tokens
        if len(phase.stages) < 2 or fits or last.steps == 0:
            continue
        most = share(last.steps, phase.steps, ROUND_DOWN)
        message = (
            f"the decay of phase {name} takes {count(decay, 'step')} and starts before its last stage, "
            f"{last.path}, which has {last.steps:,}"
        )
        where = document.span(DECAY if document.given(DECAY) else last.path)
        shortened = fix(put(document, DECAY, most), safe=False) if _decays_everywhere(document, float(most)) else None
        remedy = f"write {DECAY}: {most} at most, or lengthen the stage"
        yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy, fix=shortened)


def _decays_everywhere(document: Document, share: float) -> bool:
    """Whether no phase would be left without decay, which LR402 would report."""
    lengths = [phase.steps for phase in document.budget.phases.values()]
    return all(share_of_steps(share, steps) > 0 for steps in lengths if steps >= LEAST_STEPS)
