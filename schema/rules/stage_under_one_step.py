"""A stage holds fewer tokens than one step takes.

*Why it is bad.* It would get no step of its own: its data would never be seen, or another stage's would.

*Bad*

```yaml
training:
  pre_lora_tokens: [512, 1024000]
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
  - - {name: code, rate: 1.0, style: PMD}
```

*Good*

```yaml
training:
  pre_lora_tokens: [1024, 1024000]
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
  - - {name: code, rate: 1.0, style: PMD}
```

*Fix.* Raise it, which `--unsafe-fixes` does, or lower training/batch_size. One step is enough where
the other stages of its phase make it long enough for LR104.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.rules._stages import enough, under_one_step
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import count

CODE = "LR103"
SLUG = "stage-under-one-step"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare each stage with one step, and look at what rounding left of it."""
    for stage in document.budget.stages:
        step = document.budget.tokens_per_step * stage.sides
        if not under_one_step(document, stage):
            continue
        path = stage.path
        message = f"{path} asks {count(stage.tokens, 'token')}, and one step takes {step:,}"
        if document.budget.terms.supervised:
            message = f"{path} asks {count(stage.tokens, 'supervised token')}, less than half of what a step takes"
            remedy = "raise it, or lower training/batch_size"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy)
            continue
        wanted = enough(document, stage.phase, stage)
        raised = fix(document.edits.replace(parse(path), wanted.partition(" ")[0]), safe=False)
        remedy = f"write {wanted}, or lower training/batch_size"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=raised)
