"""A value of another type than the key declares.

*Why it is bad.* Guessing what a list or a text means as a number is how budgets go wrong by orders of magnitude.

*Bad*

```yaml
training:
  pre_lora_tokens: 1024000
```

*Good*

```yaml
training:
  pre_lora_tokens: [1024000]
```

*Fix.* Write a value of the type that is declared. `--unsafe-fixes` makes a list of a single value where a list is
wanted; `--fix` writes true or false for yes, no, on and off, and the number that 100%, 1,000,000, 8 rows or 2^20 is.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR004"
SLUG = "wrong-type"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        edit = document.edits.replace(problem.path, problem.instead) if problem.instead else None
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(edit, safe=problem.certain))
