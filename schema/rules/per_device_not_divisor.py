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

*Fix.* Write a divisor of a device's rows, which are batch_size over mesh/data × mesh/fsdp; `--unsafe-fixes` writes the
one that is used.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.budget.micro_batch import largest_divisor
from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import count

CODE = "LR112"
SLUG = "per-device-not-divisor"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Divide the rows of a device: all of them where the number of devices is not known."""
    rows, path = document.value("training/batch_size"), "training/per_device_batch_size"
    asked = document.value(path)
    if asked < 1 or not document.given(path):
        return
    share = document.budget.device_rows
    used = largest_divisor(share, asked)
    if used == asked:
        return
    shared = f"the {count(share, 'row')} of a device" if share < rows else f"batch_size {rows}"
    wrong = "is more than" if asked > share else "does not divide"
    message = f"per_device_batch_size {asked} {wrong} {shared}; {used} is used"
    written = fix(document.edits.replace(parse(path), str(used)), safe=False)
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, f"write {used}", fix=written)
