"""A learning rate above 0.01 or below 0.0000001.

*Why it is bad.* Adam diverges with the one and stands still with the other; `3e4` for `3e-4` is one letter.

*Bad*

```yaml
optimization:
  lr: 3.0
```

*Good*

```yaml
optimization:
  lr: 3.0e-4
```

*Fix.* Check the exponent.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR403"
SLUG = "lr-implausible"
SEVERITY = Severity.WARNING

LEAST, MOST = 1e-7, 1e-2


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the peak of each phase."""
    for path in ("optimization/lr", "optimization/lora/lr"):
        if not document.available(path) or (rate := document.value(path)) is None:
            continue
        if not LEAST <= rate <= MOST:
            message = f"{path} is {rate:g}, and rates from {LEAST:g} to {MOST:g} are usual"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, "check the exponent")
