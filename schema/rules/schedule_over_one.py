"""Warm-up and decay together exceed the phase.

*Why it is bad.* The rate would have to rise and fall at once, so one of the two would be cut short.

*Bad*

```yaml
training:
  warmup_pct: 0.6
  decay_pct: 0.6
```

*Good*

```yaml
training:
  warmup_pct: 0.02
  decay_pct: 0.1
```

*Fix.* Lower one of the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Related, Severity

CODE = "LR401"
SLUG = "schedule-over-one"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Add the two shares up as the decimal numbers they are."""
    if not document.budget.reads_decay_pct:
        return
    keys = ("training/warmup_pct", "training/decay_pct")
    warmup, decay = (Fraction(str(document.value(key))) for key in keys)
    if warmup + decay <= 1:
        return
    written = [key for key in keys if document.given(key)] or ["training"]
    related = tuple(Related(document.span(key), f"{key} is here") for key in written[:-1])
    message = f"warm-up ({float(warmup):g}) and decay ({float(decay):g}) add up to {float(warmup + decay):g} of a phase"
    remedy = f"write a decay_pct of at most {float(1 - warmup):g}, or a shorter warm-up"
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(written[-1]), message, remedy, related)
