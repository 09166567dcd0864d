"""The mesh does not fit the devices, or the devices that share the rows of a batch do not divide it.

*Why it is bad.* Every device takes part in every step with equally many rows; no run can start otherwise.

*On*

```json
{"devices": 4}
```

*Bad*

```yaml
training:
  batch_size: 6
  per_device_batch_size: 1
  pre_lora_tokens: [768000]
  post_lora_tokens: [153600]
```

*Good*

```yaml
training:
  batch_size: 8
  per_device_batch_size: 2
```

*Fix.* Write a multiple of mesh/data × mesh/fsdp, or axes whose product is the number of devices. `--unsafe-fixes`
writes the next larger multiple for batch_size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schema.budget.mesh import next_multiple, resolvable
from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR506"
SLUG = "batch-not-on-mesh"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Lay the mesh over the devices, and the batch over the mesh; without devices, what no number of them repairs."""
    mesh, devices = document.view("mesh"), document.environment.devices if document.environment else None
    where = document.span(next((path for path in _axes(mesh) if document.given(path)), "mesh"))
    try:
        parts = document.budget.batch_parts
    except ValueError as error:
        remedy = f"write axes whose product is {devices}" if resolvable(mesh) else "write sizes, and -1 at most once"
        yield Diagnostic(CODE, SLUG, SEVERITY, where, str(error), remedy)
        return
    batch = document.value("training/batch_size")
    if batch % parts:
        message = f"training/batch_size {batch:,} is no multiple of the {parts:,} devices of mesh/data × mesh/fsdp"
        fitting, path = str(next_multiple(batch, parts)), parse("training/batch_size")
        written = fix(document.edits.replace(path, fitting), safe=False)
        where = document.span("training/batch_size") if document.given("training/batch_size") else where
        yield Diagnostic(CODE, SLUG, SEVERITY, where, message, f"write batch_size: {fitting}", fix=written)


def _axes(mesh: Any) -> list[str]:
    """The axes, those first that ask for a number."""
    return sorted((f"mesh/{axis}" for axis in vars(mesh)), key=lambda path: getattr(mesh, path[5:]) in (1, -1))
