"""logging/wandb asks for an upload to Weights & Biases, and this machine has no key for it.

*Why it is bad.* The run trains, but nobody can watch it: its records are kept in the run directory until somebody
uploads them.

*On*

```json
{"wandb": ["logging/wandb is true, and there is no API key for Weights & Biases here", "run `wandb login`"]}
```

*Bad*

```yaml
logging:
  wandb: true
```

*Good*

```yaml
logging:
  wandb: false
```

*Fix.* Log in with `wandb login`, or set WANDB_API_KEY; where it is meant so, set WANDB_MODE to offline. Nothing is
written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR614"
SLUG = "wandb-without-key"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Ask the machine, where the spec wants an upload."""
    obstacle = document.environment.wandb if document.environment else None
    if obstacle and document.value("logging/wandb"):
        where = document.span("logging/wandb")
        yield Diagnostic(CODE, SLUG, SEVERITY, where, obstacle.message, obstacle.remedy)
