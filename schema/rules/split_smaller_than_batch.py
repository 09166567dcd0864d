"""A split gives not one row, or fewer rows than validation_steps asks for.

*Why it is bad.* Without a row there is nothing to train on or to score, and the run stops. With fewer rows than one
validation asks, it scores those that there are: an info, as losses then vary more than the number suggests.

*On*

```json
{"datasets": {"web": {"store": {"tokenizer": "tiktoken/gpt2", "train": {"1000": 5000}, "val": {"150": 1}}}}}
```

*Bad*

```yaml
architecture:
  block_size: 256
training:
  validation_steps: 1
```

*Good*

```yaml
architecture:
  block_size: 128
training:
  validation_steps: 1
```

*Fix.* Add text or examples, or lower block_size or validation_steps; there is no single answer, so nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import SPLITS, Entry, cuts
from schema.rules._mixtures import more_of
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count, join, quote

CODE = "LR211"
SLUG = "split-smaller-than-batch"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Count the rows of each split that the run reads."""
    block_size, asked, fewer = document.value("architecture/block_size"), 0, {}
    short: list[Entry] = []
    if document.given("training/validation_steps"):
        asked = document.value("training/validation_steps")
    for cut in cuts(document):
        name = quote(cut.entry.name)
        if cut.rows == 0 and cut.entry.values["style"] == "PMD":
            message = (
                f"the {SPLITS[cut.name]} split of {name} has {count(cut.split.tokens, 'token')}, and one row of PMD "
                f"needs {block_size + 1:,}"
            )
            smaller = [f"write a block_size of at most {cut.split.tokens - 1}"] if cut.split.tokens > 1 else []
            remedy = join([more_of(document, [cut.entry]), *smaller], "or")
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(cut.entry.path), message, remedy)
        elif cut.name == "val" and 0 < cut.rows < asked:
            fewer[f"{cut.rows:,} of {name}"] = cut.rows
            short.append(cut.entry)
    if fewer:
        message = (
            f"training/validation_steps asks {count(asked, 'row')} of each dataset, and a validation scores fewer: "
            f"{join([*fewer], 'and')}"
        )
        where = document.span("training/validation_steps")
        remedy = f"write {min(fewer.values())}, or {more_of(document, short)}"
        yield Diagnostic(CODE, SLUG, Severity.INFO, where, message, remedy)
