"""The first regular checkpoint lies beyond the last step.

*Why it is bad.* Phase ends are saved whatever the interval says, but a run that fails before loses everything. An
interval that no run reaches is more often a slip than a way to say never.

*Bad*

```yaml
logging:
  checkpoint_interval: 1000000
```

*Good*

```yaml
logging:
  checkpoint_interval: never
```

*Fix.* Write a shorter interval, or `never`, which means the same as this; `--fix` writes that where the
budgets are written, else `--unsafe-fixes`.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._edits import never
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR601"
SLUG = "checkpoint-never"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the interval with the last step of the run."""
    path = "logging/checkpoint_interval"
    interval, last = document.value(path), document.budget.steps
    if not document.given(path) or interval == "never" or not 0 < last < interval:
        return
    message = f"the run ends at step {last:,}, before the first regular checkpoint at step {interval:,}"
    remedy = f"write {max(1, last // 5)}, or never for phase ends only"
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=never(document, path))
