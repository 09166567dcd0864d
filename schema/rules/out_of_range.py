"""A value outside the range that its key declares.

*Why it is bad.* A rank of 0 or a negative rate has no meaning, and a framework that accepts it trains something else. A
learning rate of 1 or more, such as 3e4 for 3e-4, ends in numbers that are none.

*Bad*

```yaml
optimization:
  lora:
    rank: 0
```

*Good*

```yaml
optimization:
  lora:
    rank: 2
```

*Fix.* `--unsafe-fixes` writes never or null for 0 where a key takes that word, a share for a number of percent, and the
sign of an exponent where only that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR011"
SLUG = "out-of-range"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        edit = document.edits.replace(problem.path, problem.instead) if problem.instead else None
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(edit, safe=problem.certain))
