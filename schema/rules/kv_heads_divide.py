"""n_head is not a multiple of n_kv_head.

*Why it is bad.* Every key and value head serves an equal number of query heads.

*Bad*

```yaml
architecture:
  n_kv_head: 3
```

*Good*

```yaml
architecture:
  n_kv_head: 2
```

*Fix.* `--unsafe-fixes` writes the nearest divisor of n_head.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.rules._config import at_config
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR502"
SLUG = "kv-heads-divide"
SEVERITY = Severity.ERROR

# Larger divisors are not looked for.
FAR = 100_000


def check(document: Document) -> Iterator[Diagnostic]:
    """Divide the heads by the key and value heads."""
    heads, shared = document.value("architecture/n_head"), document.value("architecture/n_kv_head")
    if shared is None or heads % shared == 0:
        return
    divisors = [other for other in range(1, min(heads, FAR) + 1) if heads % other == 0]
    message = f"n_head {heads} is not a multiple of n_kv_head {shared}"
    near = str(min(divisors, key=lambda other: abs(other - shared)))
    where, key = document.span("architecture/n_kv_head"), parse("architecture/n_kv_head")
    written = fix(document.edits.replace(key, near), safe=False)
    found = Diagnostic(CODE, SLUG, SEVERITY, where, message, f"write n_kv_head: {near}", fix=written)
    yield at_config(document, found, "n_kv_head", "n_head")
