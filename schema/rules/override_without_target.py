"""An override on the command line whose path no key of the spec has.

*Why it is bad.* The run would start with the value of the file, and the command line in the log would say otherwise.

*Bad*

```sh
--set training/sede=4
```

*Good*

```sh
--set training/seed=4
```

*Fix.* Write the path with slashes, as the message shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR014"
SLUG = "override-without-target"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        yield problem.diagnostic(CODE, SLUG, SEVERITY)
