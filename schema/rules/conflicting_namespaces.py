"""One quantity is written under two names, with different values.

*Why it is bad.* Which of the two a program reads is its own affair, and readers of the spec see the other.

*Bad*

```yaml
optimization:
  warmup_pct: 0.01
```

*Good*

```yaml
training:
  warmup_pct: 0.02
```

*Fix.* Keep the name that is read; `--unsafe-fixes` removes the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR007"
SLUG = "conflicting-namespaces"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what was found when old names were read."""
    for problem in document.problems_of(SLUG):
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(document.edits.remove(problem.path), safe=False))
