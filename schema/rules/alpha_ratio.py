"""The scale of the adapters is far from what is usual, below 0.25 or above 8.

*Why it is good to know.* The scale is alpha / rank, or alpha / √rank with rslora. It multiplies whatever learning rate
the adapters have: a rank that was changed alone changes it unasked. From rank 64 on LR313 says so of a small scale.

*Bad*

```yaml
optimization:
  lora:
    alpha: 256
```

*Good*

```yaml
optimization:
  lora:
    alpha: 64
```

*Fix.* Change alpha with the rank, or leave it where it is meant. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from schema.document import Document
from schema.rules._adapters import HIGH_RANK, trained
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR309"
SLUG = "alpha-ratio"
SEVERITY = Severity.INFO

LEAST, MOST = 0.25, 8.0


def check(document: Document) -> Iterator[Diagnostic]:
    """Divide as the run does."""
    if not trained(document):
        return
    alpha, rank = document.value("optimization/lora/alpha"), document.value("optimization/lora/rank")
    rooted = document.value("optimization/lora/scaling") == "rslora"
    divisor = sqrt(rank) if rooted else rank
    scale = alpha / divisor
    written = [key for key in ("alpha", "rank", "scaling") if document.given(f"optimization/lora/{key}")]
    if alpha <= 0 or LEAST <= scale <= MOST or not written:
        return
    if scale < LEAST and rank >= HIGH_RANK and not rooted:
        return
    message = f"the scale of the adapters is {scale:.3g}: alpha {alpha:g} / {'√' if rooted else ''}rank {rank}"
    remedy = f"write an alpha from {LEAST * divisor:.4g} to {MOST * divisor:.4g}, unless this scale is meant"
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(f"optimization/lora/{written[0]}"), message, remedy)
