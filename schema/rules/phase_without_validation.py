"""No regular validation falls inside phase lora.

*Why it is bad.* The last step of a phase is validated always, but one number does not show where adapters began to
overfit, which they do fast.

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

*Fix.* Write a third of the phase or less, which `--unsafe-fixes` does, or `never` where phase ends are enough.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.rules._stages import LEAST_STEPS, phases
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR603"
SLUG = "phase-without-validation"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for a multiple of the interval inside phase lora."""
    path, found = "logging/validation_interval", phases(document)
    interval = document.value(path)
    if not document.value("training/validation") or not document.given(path) or "lora" not in found:
        return
    first, last = found["lora"][0].start + 1, found["lora"][-1].end
    beyond_the_run = interval == "never" or interval > last
    if beyond_the_run or last - first + 1 < LEAST_STEPS or -(-first // interval) * interval <= last:
        return
    third = max(1, (last - first + 1) // 3)
    message = f"phase lora, steps {first:,} to {last:,}, is validated at its last step only"
    written = fix(document.edits.replace(parse(path), str(third)), safe=False)
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, f"write {third}, or never", fix=written)
