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

from schema.diagnostic import Diagnostic, Severity, fix
from schema.document import Document
from schema.findings import Problem
from schema.leaves import SYNONYMS
from schema.rules._field import names_a_method
from schema.source import Scalar

CODE = "LR012"
SLUG = "invalid-choice"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found; styles, schedules and optimizers of others have rules of their own."""
    for problem in document.problems:
        if problem.slug != SLUG or problem.path[-1:] == ("style",) or names_a_method(problem.path, document):
            continue
        edit = document.edits.replace(problem.path, problem.instead) if problem.instead else None
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(edit, safe=_is_synonym(document, problem)))


def _is_synonym(document: Document, problem: Problem) -> bool:
    """Whether the choice differs from the one that is meant in its case only, or is another program's word for it."""
    node = document.found.nodes.get(problem.path)
    written = node.text.lower() if isinstance(node, Scalar) else ""
    return problem.instead.lower() == written or SYNONYMS.get(written) == problem.instead
