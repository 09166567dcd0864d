"""A weight decay, a dropout, or a key of AdamW that is in its range and far from what anybody uses.

*Why it is bad.* A zero too few or too many looks like this: `weight_decay: 10` for 0.1, `beta2: 0.095` for 0.95, a
dropout of 0.5 for 0.05. None of them stops a run; all of them spoil it. A weight decay from 1 to 4 is an info: small
data that is read often, and small models of arithmetic, are trained with such ones (Kim et al. 2025, Pre-training under
Infinite Compute; Power et al. 2022, Grokking).

*Bad*

```yaml
optimization:
  weight_decay: 10
```

*Good*

```yaml
optimization:
  weight_decay: 0.1
```

*Fix.* Check the number. Nothing is written; where it is meant, a comment `# lorarun: ignore[LR408]` says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schema.document import Document
from schema.rules._adapters import trained
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR408"
SLUG = "hyperparameter-implausible"
SEVERITY = Severity.WARNING


class Usual(NamedTuple):
    """What is usual of a key: from `least` to `most`, both of which are past it; up to `known` some have more."""

    path: str
    least: float
    most: float
    words: str
    known: float = 0


USUAL = (
    Usual("optimization/weight_decay", -1, 1, "0 to 0.3 is usual", known=4),
    Usual("optimization/adamw/beta1", -1, 0.995, "0.8 to 0.95 is usual"),
    Usual("optimization/adamw/beta2", 0.8, 1, "0.9 to 0.999 is usual"),
    Usual("optimization/adamw/eps", 0, 1e-2, "1e-8 is usual"),
    Usual("optimization/muon/beta", 0.5, 0.999, "0.9 to 0.98 is usual"),
    Usual("architecture/dropout", -1, 0.5, "0 to 0.2 is usual"),
    Usual("optimization/lora/dropout", -1, 0.5, "0 to 0.1 is usual"),
)


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare each key that was written and counts."""
    for path, least, most, words, known in USUAL:
        if not document.available(path) or not document.given(path):
            continue
        value = document.value(path)
        if least < value < most or (path.startswith("optimization/lora/") and not trained(document)):
            continue
        message = f"{path} is {value:g}, and {words}"
        severity = Severity.INFO if most <= value <= known else SEVERITY
        yield Diagnostic(CODE, SLUG, severity, document.span(path), message, "check the number")
