"""The run directory holds a run of another spec, or something that is no run.

*Why it is bad.* A run directory belongs to one spec, and `exec` refuses to write there. Keys of logging, checkpoint and
evaluation may change between two calls, and so may budgets and mixtures of stages that have not started; without
dropout the mesh may too. Any other key makes another run: `lorarun explain KEY` says which. So do other files of the
model that the run began with, and other variables of the environment that decide numbers, as flags in `XLA_FLAGS`.

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

*Fix.* Restore those keys, give `--run-dir` a new or empty folder, or start another run from these weights with
`--fork NAME`; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._machine import argument
from schema.text.diagnostic import Diagnostic, Related, Severity

CODE = "LR612"
SLUG = "output-occupied"
SEVERITY = Severity.ERROR

MOST_NAMED = 5
NEW_FOLDER = "give --run-dir a new or empty folder"


def check(document: Document) -> Iterator[Diagnostic]:
    """Say what lies in the run directory, with the places of all keys that differ."""
    run = document.environment.run if document.environment else None
    if run is None or not (run.obstacle or run.start or run.variables or run.changes):
        return
    folder = argument("--run-dir", run.path)
    if run.obstacle:
        yield Diagnostic(CODE, SLUG, SEVERITY, folder, f"{run.path} {run.obstacle}", NEW_FOLDER)
        return
    if run.start:
        message = f"{run.path} began with weights whose files are others now ({'; '.join(run.start)})"
        yield Diagnostic(CODE, SLUG, SEVERITY, folder, message, f"bring them back, or {NEW_FOLDER}")
        return
    if run.variables:
        message = f"{run.path} began in an environment that computes otherwise ({'; '.join(map(str, run.variables))})"
        remedy = f"set them as they were, {NEW_FOLDER}, or start another run from its weights with exec --fork NAME"
        yield Diagnostic(CODE, SLUG, SEVERITY, folder, message, remedy)
        return
    named = [str(change) for change in run.changes[:MOST_NAMED]]
    named += ["…"] if len(run.changes) > MOST_NAMED else []
    related = tuple(
        Related(document.span(change.key), f"was {change.before}")
        for change in run.changes
        if document.given(change.key)
    )
    message = f"{run.path} belongs to another spec ({'; '.join(named)})"
    remedy = f"restore those keys, {NEW_FOLDER}, or start another run from its weights with exec --fork NAME"
    yield Diagnostic(CODE, SLUG, SEVERITY, folder, message, remedy, related)
