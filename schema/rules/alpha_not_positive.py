"""alpha is zero or negative.

*Why it is bad.* It scales what the adapters add: zero switches them off, so that nothing would ever be learnt, and a
negative number turns their update around.

*Bad*

```yaml
optimization:
  lora:
    alpha: 0
```

*Good*

```yaml
optimization:
  lora:
    alpha: 8
```

*Fix.* `--unsafe-fixes` writes the rank, which makes the scale 1 with the standard scaling.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._edits import put
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR308"
SLUG = "alpha-not-positive"
SEVERITY = Severity.ERROR

ALPHA = "optimization/lora/alpha"


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the sign."""
    alpha = document.value(ALPHA)
    if alpha > 0:
        return
    what = "switched off" if alpha == 0 else "turned around"
    remedy, written = "write a number above 0", None
    if document.available("optimization/lora/rank"):
        rank = document.value("optimization/lora/rank")
        remedy, written = (
            f"write a number above 0, such as the rank {rank}",
            fix(put(document, ALPHA, str(rank)), safe=False),
        )
    message = f"alpha is {alpha:g}, so what the adapters add is {what}"
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(ALPHA), message, remedy, fix=written)
