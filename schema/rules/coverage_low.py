"""Adapters sit on less than a tenth of the weights in the blocks.

*Why it is bad.* The targets may have missed what they were meant for; a model that is adapted in so few places learns
little of the new data.

*Bad*

```yaml
optimization:
  lora:
    target_modules: [q_proj]
```

*Good*

```yaml
optimization:
  lora:
    target_modules: [q_proj, v_proj]
```

*Fix.* Name more parts of the blocks. Nothing is written: only you know which. Embedding and output head don't count,
and a spec that names only those is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._adapters import TARGETS, matrices, parts, shaped, trained
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join

CODE = "LR310"
SLUG = "coverage-low"
SEVERITY = Severity.WARNING

LEAST = 0.1


def check(document: Document) -> Iterator[Diagnostic]:
    """Add up the weights of the blocks' matrices, and of those with an adapter."""
    if not trained(document) or not document.given(TARGETS):
        return
    every, targets = shaped(document), document.value(TARGETS)
    if not all(matrices(every, target) for target in targets):
        return  # a target that reaches nothing is the cause, and has its own finding
    blocks = matrices(every, "blocks/")
    adapted = matrices(blocks, *targets)
    whole, reached = (sum(parameter.size for parameter in found) for found in (blocks, adapted))
    if 0 < reached < LEAST * whole:
        message = f"adapters sit on {reached / whole:.1%} of the weights in the blocks: {reached:,} of {whole:,}"
        remedy = f"name more of the blocks: {join(parts(blocks, blocks), 'or')}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(TARGETS), message, remedy)
