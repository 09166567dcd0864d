"""No regular validation falls inside phase lora.

*Why it is good to know.* The last step of a phase is validated always, but one number does not show where adapters
began to overfit, which they do fast. An interval that suits a long phase full can be longer than all of phase lora.

*Bad*

```yaml
logging:
  validation_interval: 700
```

*Good*

```yaml
logging:
  validation_interval: 100
```

*Fix.* Write a third of the phase or less, which `--unsafe-fixes` does, where its end is not enough. An interval of
`never` says that phase ends are enough for the whole run.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.rules._stages import LEAST_STEPS
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR603"
SLUG = "phase-without-validation"
SEVERITY = Severity.INFO


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for a multiple of the interval inside phase lora."""
    path, phase = "logging/validation_interval", document.budget.phases.get("lora")
    interval = document.value(path)
    if not document.value("training/validation") or not document.given(path) or phase is None:
        return
    first, last = phase.first_step, phase.last_step
    beyond_the_run = interval == "never" or interval > last
    if beyond_the_run or phase.steps < LEAST_STEPS or phase.validation_steps.number > 1 or last % interval == 0:
        return
    third = max(1, phase.steps // 3)
    message = f"phase lora, steps {first:,} to {last:,}, is validated at its last step only"
    written = fix(document.edits.replace(parse(path), str(third)), safe=False)
    remedy = f"write {third}, if that is not enough"
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=written)
