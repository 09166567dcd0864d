"""The file is not one YAML mapping in UTF-8.

*Why it is bad.* Nothing in such a file can be trusted: a reader that continued would see an empty spec, or half of one.

*Bad*

```yaml whole
training: [1, 2
```

*Good*

```yaml after
mesh: {data: 1}
```

*Fix.* Correct the text at the place shown. Where one change makes it readable, the finding stands there: a no-break
space, a tab, a space or a bracket that is missing, an indent. `--fix` makes the change where nothing else can be meant,
else `--unsafe-fixes`.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR001"
SLUG = "yaml-syntax"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(*problem.edits, safe=problem.certain))
