"""The run directory holds a run of this spec that has reached its last step.

*Why it is good to know.* `exec` has nothing left to train there. To train further, raise a budget and write to a new
folder, starting from this run.

*On*

```json
{"run": {"path": "runs/a", "step": 1200}}
```

*Bad*

```yaml
training:
  pre_lora_tokens: [1024000]
```

*Good*

```yaml
training:
  pre_lora_tokens: [2048000]
```

*Fix.* Name another folder with `--run-dir` to run the spec again; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._machine import argument
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR610"
SLUG = "resume-past-end"
SEVERITY = Severity.INFO


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the newest checkpoint with the last step."""
    run = document.environment.run if document.environment else None
    if run is None or run.step is None or run.changes:
        return
    last = document.budget.steps
    if document.budget.stages and run.step >= last:
        message = f"{run.path} has reached step {run.step:,}, and the plan ends at step {last:,}"
        remedy = "name another folder with --run-dir to run the spec again"
        yield Diagnostic(CODE, SLUG, SEVERITY, argument("--run-dir", run.path), message, remedy)
