"""A rank of 64 or more, with an alpha that was not raised with it.

*Why it is good to know.* The scale alpha / rank falls as fast as the rank grows, and gradients with it, so that at the
same learning rate a high rank may learn no more than a low one; with alpha / √rank they keep their size (Kalajdzievski
2023, A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA). An alpha of at least the rank has the same effect,
and is left alone. Others keep alpha at every rank, and choose a high rate for it (Schulman et al. 2025, LoRA Without
Regret).

*Bad*

```yaml
architecture: {n_embd: 256}
optimization:
  lora:
    rank: 64
    alpha: 16
```

*Good*

```yaml
architecture: {n_embd: 256}
optimization:
  lora:
    rank: 64
    alpha: 16
    scaling: rslora
```

*Fix.* Write `scaling: rslora`, or raise alpha. Nothing is written: either changes the rate at which adapters learn.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from schema.document import Document
from schema.rules._adapters import HIGH_RANK, trained
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR313"
SLUG = "rank-without-rslora"
SEVERITY = Severity.INFO


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the scale of a high rank."""
    path = "optimization/lora/rank"
    if not trained(document) or not document.given(path):
        return
    rank, alpha = document.value(path), document.value("optimization/lora/alpha")
    if rank >= HIGH_RANK and 0 < alpha < rank and document.value("optimization/lora/scaling") == "standard":
        message = f"at rank {rank} the scale alpha / rank is {alpha / rank:.3g}, and a higher rank may learn no more"
        either = f"scaling: rslora, whose scale is {alpha / sqrt(rank):.3g}, or an alpha of {rank} or more"
        remedy = f"write {either}, unless the rate was chosen for this scale"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy)
