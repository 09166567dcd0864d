"""The first regular validation lies beyond the last step.

*Why it is bad.* Phase ends are validated whatever the interval says, but nothing is seen before. An interval that no
run reaches is more often a slip than a way to say never.

*Bad*

```yaml
logging:
  validation_interval: 1000000
```

*Good*

```yaml
logging:
  validation_interval: never
```

*Fix.* Write a shorter interval, or `never`, which means the same as this; `--fix` writes that where the
budgets are written, else `--unsafe-fixes`.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._edits import never
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR602"
SLUG = "validation-never"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the interval with the last step of the run."""
    path = "logging/validation_interval"
    if not document.value("training/validation"):
        return
    interval, last = document.value(path), document.budget.steps
    if not document.given(path) or interval == "never" or not 0 < last < interval:
        return
    message = f"the run ends at step {last:,}, before the first regular validation at step {interval:,}"
    remedy = f"write {max(1, last // 10)}, or never for phase ends only"
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=never(document, path))
