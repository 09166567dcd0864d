"""A YAML tag, or aliases and nesting beyond the limits (10,000 values, 64 levels).

*Why it is bad.* Tags can build objects of the reader's language, and aliases can grow a few lines into gigabytes; a
spec needs neither.

*Bad*

```yaml after
mesh:
  data: !!python/object/apply:os.getcwd []
```

*Good*

```yaml after
mesh:
  data: 1
```
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR705"
SLUG = "unsafe-yaml"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        yield problem.diagnostic(CODE, SLUG, SEVERITY)
