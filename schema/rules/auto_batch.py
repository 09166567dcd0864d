"""per_device_batch_size is -1: the machine decides how a batch is cut up.

*Why it is good to know.* The rows of a step stay the same on every machine, but not the order in which their gradients
are added: on a device with other memory the weights differ in their last bits.

*Bad*

```yaml
training:
  per_device_batch_size: -1
```

*Good*

```yaml
training:
  per_device_batch_size: 8
```

*Fix.* Write a number of rows where runs on several machines must agree to the last bit. Nothing is written: it depends
on the machine which number fits.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR507"
SLUG = "auto-batch"
SEVERITY = Severity.INFO

ROWS = "training/per_device_batch_size"


def check(document: Document) -> Iterator[Diagnostic]:
    """Look whether -1 was written; who left the key out has not thought about it yet."""
    if document.given(ROWS) and document.value(ROWS) == -1:
        message = "each machine cuts the batch into micro-batches of its own size"
        remedy = "write a number of rows, if runs on several machines must agree to the last bit"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(ROWS), message, remedy)
