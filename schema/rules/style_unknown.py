"""A dataset style that does not exist.

*Why it is bad.* The style decides how rows are cut and which tokens are supervised; no default could stand in for it.

*Bad*

```yaml
training:
  pre_lora_dataset:
  - - name: web
      rate: 1.0
      style: BLOCKS
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - - name: web
      rate: 1.0
      style: PMD
```

*Fix.* `--unsafe-fixes` writes the nearest style, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR203"
SLUG = "style-unknown"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report the styles that the schema check refused."""
    for problem in document.problems_of("invalid-choice"):
        if problem.path[-1:] == ("style",):
            edit = document.edits.replace(problem.path, problem.instead) if problem.instead else None
            yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(edit, safe=False))
