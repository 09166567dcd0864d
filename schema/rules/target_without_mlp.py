"""Adapters sit on attention, and on no matrix of the feed-forward blocks.

*Why it is good to know.* Most weights of a block are in its feed-forward part. Adapters on attention alone learn less,
at the same number of parameters too, and adapters on the feed-forward part alone do about as well as adapters on both
(Biderman et al. 2024, LoRA Learns Less and Forgets Less; Schulman et al. 2025, LoRA Without Regret). The targets of the
first papers, q_proj and v_proj, still stand in many examples.

*Bad*

```yaml
optimization:
  lora:
    target_modules: [q_proj, v_proj]
```

*Good*

```yaml
optimization:
  lora:
    target_modules: [q_proj, v_proj, mlp]
```

*Fix.* Add mlp, unless attention alone is meant. Nothing is written: adapters on more matrices take more memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._adapters import TARGETS, matrices, shaped, trained
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR312"
SLUG = "target-without-mlp"
SEVERITY = Severity.INFO

MLP = "blocks/mlp/"


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for a matrix of the feed-forward part among those that have an adapter."""
    if not trained(document) or not document.given(TARGETS) or document.value("optimization/lora/init"):
        return  # an adapter that is there has the targets that it has
    every, targets = shaped(document), document.value(TARGETS)
    if not all(matrices(every, target) for target in targets):
        return  # the target that reaches nothing may be the one that was meant for it
    blocks, mlp = matrices(every, "blocks/"), matrices(every, MLP)
    if matrices(blocks, *targets) and not matrices(mlp, *targets):
        whole, part = (sum(parameter.size for parameter in found) for found in (blocks, mlp))
        message = f"no adapter sits on the feed-forward part, which has {part / whole:.0%} of the weights in the blocks"
        remedy = "add mlp, unless attention alone is meant"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(TARGETS), message, remedy)
