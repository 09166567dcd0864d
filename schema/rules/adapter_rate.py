"""The adapters' learning rate is less than 3 times or more than 30 times that of phase full, on a base of others.

*Why it is good to know.* The best rate of adapters is about ten times that of training all parameters, whatever model
and data (Schulman et al. 2025, LoRA Without Regret; Biderman et al. 2024, LoRA Learns Less and Forgets Less). Where
only one of the two was chosen, the other is seldom right: `optimization/lora/lr` is `optimization/lr` by default. A
model that was trained from random weights, and a run of one's own, has another rate and is left alone; so are phases of
different optimizers.

*Bad*

```yaml
architecture:
  pretrained: tests/spec/models/llama
optimization:
  lr: 2.0e-5
```

*Good*

```yaml
architecture:
  pretrained: tests/spec/models/llama
optimization:
  lr: 2.0e-5
  lora:
    lr: 2.0e-4
```

*Fix.* Write both rates. Nothing is written: only a trial says which are best.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._weights import is_of_others
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR407"
SLUG = "adapter-rate"
SEVERITY = Severity.INFO

FULL, LORA = "optimization/lr", "optimization/lora/lr"
LEAST, USUAL, MOST = 3, 10, 30


def check(document: Document) -> Iterator[Diagnostic]:
    """Divide the peaks of both phases, where weights of a Hugging Face model are trained in both."""
    phases = document.budget.phases
    written = [path for path in (LORA, FULL) if document.given(path)]
    if not is_of_others(document) or len(phases) < 2 or not written:
        return
    if document.value("optimization/optimizer") != document.value("optimization/lora/optimizer"):
        return
    full, lora = phases["full"].peak, phases["lora"].peak
    if not LEAST <= round(lora / full, 6) <= MOST:
        ratio = f"{lora / full:.3g} times" if lora != full else "the same as"
        message = f"the peak rate of phase lora is {lora:g}, {ratio} that of phase full, {full:g}"
        remedy = f"about {USUAL} times is usual: write optimization/lora/lr: {USUAL * full:.3g}, or check both"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(written[0]), message, remedy)
