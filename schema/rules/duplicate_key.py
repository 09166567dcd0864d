"""A mapping names one key twice.

*Why it is bad.* Most YAML readers keep the last one without a word, so the run differs from what the first line says.

*Bad*

```yaml after
mesh:
  data: 1
  data: 8
```

*Good*

```yaml after
mesh:
  data: 1
```

*Fix.* Keep one of the two. Where both say the same, `--fix` removes the second; where they differ, `--unsafe-fixes`
does.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR002"
SLUG = "duplicate-key"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        edit = document.edits.remove_repeated(problem.path, problem.span)
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(edit, safe=problem.instead == "either"))
