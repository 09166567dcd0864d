"""Phase lora is less than 1 % of the run.

*Why it is bad.* Adapters that see so little hardly differ from zero; a budget that is a factor of ten off looks like
this.

*Bad*

```yaml
training:
  pre_lora_tokens: [20480000]
  post_lora_tokens: [102400]
```

*Good*

```yaml
training:
  pre_lora_tokens: [2048000]
  post_lora_tokens: [102400]
```

*Fix.* Raise training/post_lora_tokens; nothing is written, as only you know the budget.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count

CODE = "LR108"
SLUG = "adapter-phase-negligible"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the steps of both phases."""
    phases = document.budget.phases
    lora, total = phases["lora"].steps if "lora" in phases else 0, document.budget.steps
    if 0 < 100 * lora < total and document.given("training/post_lora_tokens"):
        where = document.span(phases["lora"].stages[0].path)
        message = f"phase lora has {lora:,} of {count(total, 'step')}, less than 1 % of the run"
        yield Diagnostic(CODE, SLUG, SEVERITY, where, message, "raise training/post_lora_tokens")
