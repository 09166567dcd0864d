"""A stage is not a whole number of steps, so it runs more or fewer tokens than asked.

*Why it is bad.* A step always takes batch_size × block_size tokens. Stage ends are rounded to the nearest step; from
half a percent on, the difference is likely not what was meant. Below that it is an info.

*Bad*

```yaml
training:
  post_lora_tokens: [200000]
```

*Good*

```yaml
training:
  post_lora_tokens: [204800]
```

*Fix.* Write the planned number of tokens.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Severity
from schema.document import Document
from schema.rules._stages import planned, stage_path, tokens_per_step
from schema.wording import count

CODE = "LR102"
SLUG = "partial-batch-stage"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the tokens asked with the tokens that the stage's steps take."""
    step = tokens_per_step(document)
    for stage in planned(document):
        ran, path = stage.steps * step, stage_path(stage)
        off = abs(ran - stage.tokens)
        severity = SEVERITY if 200 * off >= stage.tokens else Severity.INFO
        silent = severity is Severity.INFO and not document.given(path)
        if off == 0 or silent or stage.tokens < step or stage.steps == 0:
            continue
        message = (
            f"{path} asks {stage.tokens:,} tokens and runs {count(stage.steps, 'step')} of {step:,}, "
            f"{ran:,} tokens: {100 * off / stage.tokens:.2g} % {'more' if ran > stage.tokens else 'fewer'}"
        )
        yield Diagnostic(CODE, SLUG, severity, document.span(path), message, f"write {ran}, if the number matters")
