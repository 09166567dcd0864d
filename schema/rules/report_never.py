"""The first regular report lies beyond the last step.

*Why it is bad.* The first and the last step of a phase are reported whatever the interval says; between them nothing is
heard of a run, neither on the terminal nor in metrics.jsonl.

*Bad*

```yaml
logging:
  report_interval: 5000
```

*Good*

```yaml
logging:
  report_interval: 50
```

*Fix.* Write a shorter interval; `--unsafe-fixes` writes a twentieth of the run. Nothing is said while LR103 or
LR104 calls a budget too small.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.rules._stages import is_too_short
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import count

CODE = "LR613"
SLUG = "report-never"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the interval with the last step of the run."""
    path = "logging/report_interval"
    interval, last = document.value(path), document.budget.steps
    if not document.given(path) or not 0 < last < interval or is_too_short(document):
        return
    often = max(1, last // 20)
    message = f"the run ends after {count(last, 'step')}, before the first regular report at step {interval:,}"
    written = fix(document.edits.replace(parse(path), str(often)), safe=False)
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, f"write {often}", fix=written)
