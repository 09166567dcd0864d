"""The run is to start from weights that are not there, or that have other shapes than this spec's model.

*Why it is bad.* Weights of one architecture can't be read into another. A starting point is a run directory or a
checkpoint in it, named in architecture/pretrained or by `--restore`.

*On*

```json
{"start": {"path": "runs/base", "key": "architecture/pretrained", "spec": {"architecture/n_embd": 64}}}
```

*Bad*

```yaml
architecture:
  pretrained: runs/base
  n_embd: 128
```

*Good*

```yaml
architecture:
  pretrained: runs/base
  n_embd: 64
```

*Fix.* Write the architecture of that run, or start from another; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._machine import argument
from schema.text.diagnostic import Diagnostic, Related, Severity

CODE = "LR609"
SLUG = "resume-shape"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the starting point, and compare its architecture."""
    start = document.environment.start if document.environment else None
    if start is None or start.on_hub or (start.found and not start.differing):
        return
    if not start.key.startswith("-") and document.pretrained and document.pretrained.obstacle:  # then LR512 says so
        return
    named = argument(start.key, start.path) if start.key.startswith("-") else document.span(start.key)
    if not start.found:
        remedy = "name a run directory, a folder like runs/NAME/checkpoints/STEP, or a model's folder with config.json"
        message, own = start.absent
        yield Diagnostic(CODE, SLUG, SEVERITY, named, message or f"{start.path} holds no weights", own or remedy)
        return
    listed = "; ".join(f"{change.key} is {change.before} there and {change.now} here" for change in start.differing)
    related = tuple(
        Related(document.span(change.key), f"{change.before} there")
        for change in start.differing
        if document.given(change.key)
    )
    message = f"{start.path} holds weights of another architecture: {listed}"
    yield Diagnostic(CODE, SLUG, SEVERITY, named, message, "write what it has, or start from other weights", related)
