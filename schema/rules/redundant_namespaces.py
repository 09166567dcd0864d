"""One quantity is written under two names, with the same value.

*Why it is bad.* The next change will be made to one of them.

*Bad*

```yaml
optimization:
  warmup_pct: 0.02
```

*Good*

```yaml
training:
  warmup_pct: 0.02
```

*Fix.* Keep the name that is read; `--fix` removes the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR008"
SLUG = "redundant-namespaces"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what was found when old names were read."""
    for problem in document.problems_of(SLUG):
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(document.edits.remove(problem.path), safe=True))
