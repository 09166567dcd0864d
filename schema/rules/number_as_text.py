"""A number in quotes where a number is declared.

*Why it is bad.* Quotes make it text; whether a tool turns it back into a number differs from tool to tool.

*Bad*

```yaml
training:
  batch_size: "8"
```

*Good*

```yaml
training:
  batch_size: 8
```

*Fix.* Remove the quotes, which `--fix` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR005"
SLUG = "number-as-text"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        written = fix(document.edits.replace(problem.path, problem.instead), safe=True)
        yield problem.diagnostic(CODE, SLUG, SEVERITY, written)
