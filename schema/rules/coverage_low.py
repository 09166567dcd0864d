"""No adapter sits in the blocks: the targets name only the embedding or the output head.

*Why it is bad.* What a model has learned is in its blocks, and all of it stays frozen; such adapters change which words
are read and written, and hardly what is said.

*Bad*

```yaml
optimization:
  lora:
    target_modules: [lm_head]
```

*Good*

```yaml
optimization:
  lora:
    target_modules: [attn, mlp, lm_head]
```

*Fix.* Name parts of the blocks. Nothing is written: only you know which.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._adapters import TARGETS, matrices, parts, roles, shaped, trained
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join

CODE = "LR310"
SLUG = "coverage-low"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for a matrix of the blocks that has an adapter."""
    if not trained(document) or not document.given(TARGETS):
        return
    every, targets = shaped(document), document.value(TARGETS)
    if not all(matrices(every, target) for target in targets):
        return  # a target that reaches nothing is the cause, and has its own finding
    blocks = matrices(every, "blocks/")
    if targets and not matrices(blocks, *targets):
        message = f"adapters sit on {join(roles(matrices(every, *targets)), 'and')} alone, and on none of the blocks"
        remedy = f"name parts of the blocks: {join(parts(blocks, blocks), 'or')}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(TARGETS), message, remedy)
