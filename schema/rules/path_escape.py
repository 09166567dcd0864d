"""The name or suffix of a dataset is a path.

*Why it is bad.* It becomes part of the name of a folder below data/root. With a separator or .. in it, the run would
read and write somewhere else.

*Bad*

```yaml
training:
  pre_lora_dataset:
  - - {name: ../../etc, rate: 1.0, style: PMD}
```

*Good*

```yaml
data:
  sources:
    web: {path: corpora/web}
training:
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```

*Fix.* Choose a name, and say in data/sources where its files are. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR704"
SLUG = "path-escape"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        yield problem.diagnostic(CODE, SLUG, SEVERITY)
