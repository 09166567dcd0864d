"""Phase lora is less than 1 % of the run, and has fewer than twenty steps.

*Why it is bad.* Adapters begin at zero and move by about the learning rate in a step, so that they hardly differ from
zero; a budget that is a factor of ten off looks like this. The share alone says nothing: adapters on 20 M tokens behind
10 B of phase full are common.

*Bad*

```yaml
training:
  warmup_pct: 0.1
  pre_lora_tokens: [20480000]
  post_lora_tokens: [15360]
logging:
  validation_interval: never
```

*Good*

```yaml
training:
  warmup_pct: 0.1
  pre_lora_tokens: [20480000]
  post_lora_tokens: [122880]
logging:
  validation_interval: never
```

*Fix.* Raise training/post_lora_tokens; nothing is written, as only you know the budget. Below ten steps LR104 says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._stages import ENOUGH_STEPS, LEAST_STEPS, enough
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count

CODE = "LR108"
SLUG = "adapter-phase-negligible"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the steps of both phases."""
    phases = document.budget.phases
    lora, total = phases["lora"].steps if "lora" in phases else 0, document.budget.steps
    written = document.given("training/post_lora_tokens")
    if written and LEAST_STEPS <= lora < ENOUGH_STEPS and 100 * lora < total:
        first = phases["lora"].stages[0]
        message = f"phase lora has {lora:,} of {count(total, 'step')}, less than 1 % of the run"
        remedy = f"write {enough(document, 'lora', first)}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(first.path), message, remedy)
