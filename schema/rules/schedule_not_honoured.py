"""A schedule or an optimizer that others have and lorarun has not.

*Why it is bad.* Another one in its place would be a different run under the same name; so nothing is put in its place.

*Bad*

```yaml
optimization:
  schedule: one_cycle
```

*Good*

```yaml
optimization:
  schedule: wsd
```

*Fix.* Write one that is built; both phases have it. Nothing is written for you: another one is another run. The keys
of the one that is refused are looked at (LR406) once there is one.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._field import METHODS, built, is_known, written
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join, quote

CODE = "LR405"
SLUG = "schedule-not-honoured"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report the refused choices that are known in the field."""
    for problem in document.problems_of("invalid-choice"):
        if problem.path not in METHODS or not is_known(problem.path, document):
            continue
        name = f"the {problem.path[-1]} {quote(written(problem.path, document))}"
        message = f"{name} is not built into lorarun, and no other is put in its place"
        remedy = f"write {join(built(problem.path, document), 'or')}"
        yield problem.diagnostic(CODE, SLUG, SEVERITY)._replace(message=message, remedy=remedy)
