"""A schedule or an optimizer that others have and lorarun has not.

*Why it is bad.* Another one in its place would be a different run under the same name; so nothing is put in its place.

*Bad*

```yaml
optimization:
  schedule: cosine
```

*Good*

```yaml
optimization:
  schedule: wsd
```

*Fix.* Write one that is built: both phases of every run have the same choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from schema.diagnostic import Diagnostic, Severity
from schema.document import Document
from schema.rules._field import METHODS, is_known
from schema.source import Scalar
from schema.wording import quote

CODE = "LR405"
SLUG = "schedule-not-honoured"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report the refused choices that are known in the field."""
    for problem in document.problems:
        node = document.found.nodes.get(problem.path)
        if problem.slug != "invalid-choice" or problem.path not in METHODS or not is_known(problem.path, document):
            continue
        kind, written = problem.path[-1], quote(node.text if isinstance(node, Scalar) else "")
        message = f"the {kind} {written} is not built into lorarun, and no other is put in its place"
        built = {"schedule": "wsd", "optimizer": "adamw"}[str(kind)]
        yield replace(problem.diagnostic(CODE, SLUG, SEVERITY), message=message, remedy=f"write {built}")
