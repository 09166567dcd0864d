"""A dataset runs out before a stage takes its first step, and data/on_exhausted is stop.

*Why it is bad.* With `stop`, a stage ends at the last whole step before one of its datasets has been read through.
Datasets are read on from stage to stage, so a stage whose dataset earlier ones have used up would have no step at all:
`plan` and `exec` refuse it.

*On*

```json
{"datasets": {"chat/128": {"store": {"tokenizer": "tiktoken/gpt2", "train": {"90": 900}, "val": {"90": 16}}},
              "web": {"store": {"tokenizer": "tiktoken/gpt2", "train": {"1000": 5000}, "val": {"1000": 50}}}}}
```

*Bad*

```yaml
data:
  on_exhausted: stop
training:
  pre_lora_dataset:
  - - {name: chat, rate: 1.0, style: PADDED, suffix: '128'}
```

*Good*

```yaml
data:
  on_exhausted: stop
training:
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```

*Fix.* Leave the stage out, name another dataset in it or add text; there is no single answer, so nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR242"
SLUG = "dataset-runs-out"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for stages that their data end before the first step."""
    for stage in document.budget.stages if document.budget.terms.stops else ():
        if stage.steps == 0 and stage.ended_by:
            message = (
                f"{stage.path} gets no step: what is left of {quote(stage.ended_by)} is less than its part of one, and "
                "data/on_exhausted is stop"
            )
            remedy = "leave the stage out, add text, lower the budget before it, or write data/on_exhausted: repeat"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(stage.path), message, remedy)
