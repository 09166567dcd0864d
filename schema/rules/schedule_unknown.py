"""optimization/schedule names no schedule.

*Why it is bad.* A schedule that does not exist cannot be followed, and another one in its place would be a different
run.

*Bad*

```yaml
optimization:
  schedule: wsdd
```

*Good*

```yaml
optimization:
  schedule: wsd
```

*Fix.* Write a schedule that lorarun has. `--unsafe-fixes` writes the nearest; `--fix` does where only the case differs.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._field import is_known, only_case
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR404"
SLUG = "schedule-unknown"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report the schedules that the schema check refused, but for those that LR405 knows."""
    path = ("optimization", "schedule")
    for problem in document.problems_of("invalid-choice"):
        if problem.path == path and not is_known(path, document):
            edit = document.edits.replace(path, problem.instead) if problem.instead else None
            yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(edit, safe=only_case(problem, document)))
