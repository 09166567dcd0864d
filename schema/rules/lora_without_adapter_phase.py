"""optimization/lora is written, and no phase lora.

*Why it is bad.* Adapters are configured, and their budget and mixture would be left to the defaults, or there would be
no phase that trains them at all.

*Bad*

```yaml
training:
  post_lora_tokens: DELETE
  post_lora_dataset: DELETE
```

*Good*

```yaml
training:
  post_lora_tokens: [204800]
  post_lora_dataset:
  - [{name: chat, rate: 1.0, style: PADDED}]
```

*Fix.* Give phase lora its tokens and mixture; or remove optimization/lora and write both as empty lists. Nothing is
written: only you know the budget.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR107"
SLUG = "lora-without-adapter-phase"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Ask whether the adapters that are configured have a phase of their own."""
    if not document.given("optimization/lora") or not document.budget.adapters_without_phase:
        return  # an unknown key may be the one that budgets phase lora with adapters
    alone = document.budget.one_budget
    message = (
        "training/tokens and training/dataset make a run of phase full alone, and adapters are configured"
        if alone
        else "adapters are configured, and training/post_lora_tokens and training/post_lora_dataset are missing"
    )
    remedy = "write both per-phase budgets" if alone else "write both, or remove optimization/lora and write both as []"
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span("optimization/lora"), message, remedy)
