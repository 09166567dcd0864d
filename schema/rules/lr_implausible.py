"""A learning rate above 0.01 or below 0.0000001.

*Why it is bad.* Adam diverges with the one and stands still with the other; `3e4` for `3e-4` is one letter, and from 1
on a rate is an error of its own, LR011. Up to 0.1 is usual where the optimizer makes updates smaller than the rate:
muon with `consistent_rms: null`, and adafactor with `multiply_by_parameter_scale`.

*Bad*

```yaml
optimization:
  lr: 0.03
```

*Good*

```yaml
optimization:
  lr: 3.0e-4
```

*Fix.* Check the exponent. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR403"
SLUG = "lr-implausible"
SEVERITY = Severity.WARNING

LEAST, MOST, MOST_OF_SMALL_UPDATES = 1e-7, 1e-2, 0.1


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the peak of each phase."""
    for section in ("optimization", "optimization/lora"):
        path = f"{section}/lr"
        if not document.available(path) or (rate := document.value(path)) is None:
            continue
        most = MOST_OF_SMALL_UPDATES if _updates_may_be_small(document, section) else MOST
        if not LEAST <= rate <= most:
            message = f"{path} is {rate:g}, and rates from {LEAST:g} to {most:g} are usual"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, "check the exponent")


def _updates_may_be_small(document: Document, section: str) -> bool:
    """Whether the optimizer of a phase makes updates that are much smaller than its rate, or nobody knows."""
    if not document.available(f"{section}/optimizer"):
        return True
    keys = {"muon": ("consistent_rms", None), "adafactor": ("multiply_by_parameter_scale", True)}
    kind = document.value(f"{section}/optimizer")
    name, small = keys.get(kind, ("", None))
    path = f"optimization/{kind}/{name}"
    return bool(name) and (not document.available(path) or document.value(path) == small)
