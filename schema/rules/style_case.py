"""A dataset style in another case than upper.

*Why it is bad.* It is understood, but searching many specs for one style misses this one.

*Bad*

```yaml
training:
  pre_lora_dataset:
  - - name: web
      rate: 1.0
      style: pmd
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - - name: web
      rate: 1.0
      style: PMD
```

*Fix.* Write it in upper case, which `--fix` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR802"
SLUG = "style-case"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        written = fix(document.edits.replace(problem.path, problem.instead), safe=True)
        yield problem.diagnostic(CODE, SLUG, SEVERITY, written)
