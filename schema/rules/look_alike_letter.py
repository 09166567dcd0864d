"""A letter that looks like another one, or like nothing, in a key or in a value that takes certain words and numbers.

*Why it is bad.* An a of another script, a dash or a no-break space that came with copied text is another letter to
every program, and nobody sees why a key is unknown or a number is text.

*Bad*

```yaml
mesh:
  dаta: 1
```

*Good*

```yaml
mesh:
  data: 1
```

*Fix.* `--fix` writes the letter that was meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.check.lookalikes import KNOWN
from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR016"
SLUG = KNOWN
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(*problem.edits, safe=problem.certain))
