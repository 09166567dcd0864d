"""The list of adapter targets is empty.

*Why it is bad.* Phase lora would train nothing.

*Bad*

```yaml
optimization:
  lora:
    target_modules: []
```

*Good*

```yaml
optimization:
  lora:
    target_modules: [attn, mlp]
```
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR307"
SLUG = "target-list-empty"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the length of the list."""
    if not document.value("optimization/lora/target_modules"):
        where = document.span("optimization/lora/target_modules")
        message = "no target is named, so phase lora would train nothing"
        yield Diagnostic(CODE, SLUG, SEVERITY, where, message, "name a part of a parameter path, such as attn")
