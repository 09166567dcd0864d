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

*Fix.* Write a shorter interval, or `never`, which `--unsafe-fixes` does. Nothing is said while
LR103 or LR104 calls a budget too small.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.rules._stages import is_too_short
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR601"
SLUG = "checkpoint-never"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the interval with the last step of the run."""
    path = "logging/checkpoint_interval"
    interval, last = document.value(path), document.budget.steps
    if not document.given(path) or interval == "never" or not 0 < last < interval or is_too_short(document):
        return
    message = f"the run ends at step {last:,}, before the first regular checkpoint at step {interval:,}"
    remedy = f"write {max(1, last // 5)}, or never for phase ends only"
    written = fix(document.edits.replace(parse(path), "never"), safe=False)  # a trial's budget may be raised again
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=written)
