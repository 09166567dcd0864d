"""The run directory holds a run of another spec, or something that is no run.

*Why it is bad.* A run directory belongs to one spec, and `exec` refuses to write there. Keys of logging, checkpoint and
mesh may change between two calls, as may data/root, training/per_device_batch_size and architecture/remat; any other
key makes another run.

*On*

```json
{"run": {"path": "runs/a", "spec": {"optimization/lr": 0.0003}, "step": 200}}
```

*Bad*

```yaml
optimization:
  lr: 1.0e-3
```

*Good*

```yaml
optimization:
  lr: 3.0e-4
```

*Fix.* Restore those keys, or give `--run-dir` a new or empty folder; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Related, Severity
from schema.document import Document
from schema.rules._machine import argument

CODE = "LR612"
SLUG = "output-occupied"
SEVERITY = Severity.ERROR

MOST_NAMED = 5
NEW_FOLDER = "give --run-dir a new or empty folder"


def check(document: Document) -> Iterator[Diagnostic]:
    """Say what lies in the run directory, with the places of all keys that differ."""
    run = document.environment.run if document.environment else None
    if run is None or not (run.obstacle or run.changes):
        return
    folder = argument("--run-dir", run.path)
    if run.obstacle:
        yield Diagnostic(CODE, SLUG, SEVERITY, folder, f"{run.path} {run.obstacle}", NEW_FOLDER)
        return
    named = [f"{change.key} was {change.before}, is {change.now}" for change in run.changes[:MOST_NAMED]]
    named += ["…"] if len(run.changes) > MOST_NAMED else []
    related = tuple(
        Related(document.span(change.key), f"was {change.before}")
        for change in run.changes
        if document.given(change.key)
    )
    message = f"{run.path} belongs to another spec ({'; '.join(named)})"
    yield Diagnostic(CODE, SLUG, SEVERITY, folder, message, f"restore those keys, or {NEW_FOLDER}", related)
