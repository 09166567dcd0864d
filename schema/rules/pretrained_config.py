"""The config.json of the pretrained model can't be used, or says otherwise than the spec.

*Why it is bad.* The weights can't be read into another architecture, and a model of no family here can't be trained at
all.

*Bad*

```yaml
architecture:
  pretrained: tests/spec/models/llama
  n_layers: 2
optimization:
  lora:
    lr: 3.0e-3
```

*Good*

```yaml
architecture:
  pretrained: tests/spec/models/llama
  n_layers: 4
optimization:
  lora:
    lr: 3.0e-3
```

*Fix.* Remove the keys that differ, or name another model, of an export of your own its run; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Related, Severity

CODE = "LR512"
SLUG = "pretrained-config"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at what was read, and at each key that is written and differs."""
    model = document.pretrained
    if model is None:
        return
    if model.obstacle:
        where = document.span("architecture/pretrained")
        yield Diagnostic(CODE, SLUG, SEVERITY, where, model.obstacle, model.instead)
    for change in document.differing:
        key = change.key.removeprefix("architecture/")
        at = model.span(key)
        related = (Related(at, f"{change.before} there"),) if at else ()
        message = f"{change.key} is {change.now}, and the model in {model.name} has {change.before}"
        remedy = f"remove {key}, or start from other weights"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(change.key), message, remedy, related)
