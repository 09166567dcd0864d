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

*Fix.* Write a shorter interval, or `never`, which `--unsafe-fixes` does. Nothing is said while
LR103 or LR104 calls a budget too small.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.rules._stages import is_too_short
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR602"
SLUG = "validation-never"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the interval with the last step of the run."""
    path = "logging/validation_interval"
    if not document.value("training/validation"):
        return
    interval, last = document.value(path), document.budget.steps
    if not document.given(path) or interval == "never" or not 0 < last < interval or is_too_short(document):
        return
    message = f"the run ends at step {last:,}, before the first regular validation at step {interval:,}"
    remedy = f"write {max(1, last // 10)}, or never for phase ends only"
    written = fix(document.edits.replace(parse(path), "never"), safe=False)  # a trial's budget may be raised again
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=written)
