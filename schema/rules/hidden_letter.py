"""A letter that can't be seen, or looks like another one, in a path or another free text.

*Why it is bad.* It is a part of the name: the file that is meant is not found, or another one is written.

*Bad*

```yaml
data:
  root: dаta
```

*Good*

```yaml
data:
  root: data
```

*Fix.* `--unsafe-fixes` writes what was probably meant. A name that has such letters on purpose can be silenced.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.check.lookalikes import FREE
from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR017"
SLUG = FREE
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(*problem.edits, safe=problem.certain))
