"""A stage has an empty mixture.

*Why it is bad.* There are no rows to train on.

*Bad*

```yaml
training:
  pre_lora_dataset: [[]]
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import written_mixtures
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR206"
SLUG = "empty-mixture"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for mixtures without entries."""
    for path, entries in written_mixtures(document):
        if not entries:
            message = f"{path} names no dataset"
            remedy = "write a dataset, such as {name: web, rate: 1, style: PMD}"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy)
