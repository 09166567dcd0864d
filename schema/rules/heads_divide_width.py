"""n_embd is not a multiple of n_head.

*Why it is bad.* Every attention head takes an equal part of the width, unless head_dim gives it a size of its own.

*Bad*

```yaml
architecture:
  n_head: 3
```

*Good*

```yaml
architecture:
  n_head: 4
```

*Fix.* `--unsafe-fixes` writes the nearest divisor of n_embd below; where only n_embd is written, the nearest multiple.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.families import splits_width
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR501"
SLUG = "heads-divide-width"
SEVERITY = Severity.ERROR

# From here on no divisor is looked for.
FAR = 100_000


def check(document: Document) -> Iterator[Diagnostic]:
    """Divide the width by the heads."""
    width, heads = document.value("architecture/n_embd"), document.value("architecture/n_head")
    if width % heads == 0 or not splits_width(document.view("architecture")):
        return
    below = max(other for other in range(1, min(width, heads) + 1) if width % other == 0) if heads < FAR else 1
    multiple = max(1, round(width / heads)) * heads
    key = "architecture/n_head" if document.given("architecture/n_head") else "architecture/n_embd"
    message = f"n_embd {width} is not a multiple of n_head {heads}"
    remedy = f"write n_head: {below}, or n_embd: {multiple}"
    edit = document.edits.replace(parse(key), str(below if key.endswith("n_head") else multiple))
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(key), message, remedy, fix=fix(edit, safe=False))
