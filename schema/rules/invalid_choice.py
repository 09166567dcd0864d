"""A text that is not among those the key takes.

*Why it is bad.* Only the values listed are implemented; any other would have to be guessed at.

*Bad*

```yaml
architecture:
  dtype:
    activation: bfloat
```

*Good*

```yaml
architecture:
  dtype:
    activation: bfloat16
```

*Fix.* Write one of the choices; the nearest is offered.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Severity
from schema.document import Document

CODE = "LR012"
SLUG = "invalid-choice"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found, styles excepted: they have their own rule."""
    for problem in document.problems:
        if problem.slug == SLUG and problem.path[-1:] != ("style",):
            yield problem.diagnostic(CODE, SLUG, SEVERITY)
