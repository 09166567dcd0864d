"""Phase full is empty and nothing names weights to start from.

*Why it is bad.* Adapters would be trained on random frozen weights, which learns next to nothing and looks like
training. The check runs when a run starts, because `exec --restore` is one of the answers.

*Bad*

```yaml
training:
  pre_lora_tokens: []
  pre_lora_dataset: []
```

*Good*

```yaml
training:
  pre_lora_tokens: []
  pre_lora_dataset: []
architecture:
  pretrained: runs/base
```

*Fix.* Name a run in architecture/pretrained, start with `--restore`, or give phase full a stage.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR110"
SLUG = "adapters-on-random-weights"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Ask whether phase lora comes first, and what it would start from."""
    if document.environment is None or document.environment.restore is not False:
        return
    stages = document.budget.asked
    if stages and stages[0].phase == "lora" and document.value("architecture/pretrained") is None:
        message = "phase full is empty, and nothing says which weights the adapters start from"
        remedy = "set architecture/pretrained, or run exec with --restore"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span("training/pre_lora_tokens"), message, remedy)
