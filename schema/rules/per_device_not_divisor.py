"""per_device_batch_size does not divide the rows of a device, so that fewer are taken at once.

*Why it is bad.* The number of micro-batches, and with it speed and memory, is not the one that was chosen.

*Bad*

```yaml
training:
  per_device_batch_size: 3
```

*Good*

```yaml
training:
  per_device_batch_size: 4
```

*Fix.* Write a divisor of batch_size over the devices that share it; `--unsafe-fixes` writes the one that is used.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Severity, fix
from schema.document import Document, parse

CODE = "LR112"
SLUG = "per-device-not-divisor"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Divide the batch, by one device where nothing more is known."""
    rows, path = document.value("training/batch_size"), "training/per_device_batch_size"
    asked = document.value(path)
    if asked < 1 or rows % asked == 0 or not document.given(path):
        return
    used = max(size for size in range(1, min(asked, rows) + 1) if rows % size == 0)
    message = f"per_device_batch_size {asked} does not divide batch_size {rows}; {used} is used"
    written = fix(document.edits.replace(parse(path), str(used)), safe=False)
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, f"write {used}", fix=written)
