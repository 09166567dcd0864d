"""The budgets hold no stage at all.

*Why it is bad.* There is nothing to run; a trainer that starts anyway takes a step nobody asked for.

*Bad*

```yaml
training:
  pre_lora_tokens: []
  pre_lora_dataset: []
  post_lora_tokens: []
  post_lora_dataset: []
optimization:
  lora: DELETE
```

*Good*

```yaml
training:
  post_lora_tokens: []
  post_lora_dataset: []
optimization:
  lora: DELETE
```

*Fix.* Give at least one phase a stage.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR106"
SLUG = "empty-run"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for a single stage."""
    if not document.budget.asked and not document.budget.has_adapters:  # raises where phase lora is not known
        message = "the budgets of both phases are empty: the run has no step"
        remedy = "give training/pre_lora_tokens or training/post_lora_tokens a stage"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span("training/post_lora_tokens"), message, remedy)
