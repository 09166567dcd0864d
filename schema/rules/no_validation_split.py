"""The run validates or evaluates, and a dataset is too small to have a validation split.

*Why it is bad.* There is nothing to score but what was trained on, and the run refuses that. A share of 1/64 of a
dataset's documents is kept for validation; a dataset of one short document keeps none.

*On*

```json
{
  "datasets": {
    "web": {"store": {"tokenizer": "tiktoken/gpt2", "train": {"3000": 1}}},
    "code": {"store": {"tokenizer": "tiktoken/gpt2", "train": {"3000": 64000}, "val": {"3000": 1000}}}
  }
}
```

*Bad*

```yaml
data:
  on_exhausted: repeat
training:
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD}]
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - [{name: code, rate: 1.0, style: PMD}]
```

*Fix.* Add text or examples, or switch training/validation and training/evaluate off; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import stored
from schema.rules._mixtures import more_of
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR214"
SLUG = "no-validation-split"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for the validation split of each store, where one is read."""
    if not document.budget.scored:
        return
    seen = set()
    for entry, store in stored(document):
        if "val" in store.splits or entry.key[:2] in seen:
            continue
        seen.add(entry.key[:2])
        message = f"dataset {quote(entry.name)} is too small to have a validation split, and the run scores one"
        remedy = f"{more_of(document, [entry])} to it, or set training/validation and training/evaluate to false"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(f"{entry.path}/name"), message, remedy)
