"""A run would refuse a dataset while it prepares it: a record can't be read, or there is no row to train on.

*Why it is bad.* `exec` stops before its first step, in these words; perhaps after hours in a queue. With `--env` the
first records of every file are read as `exec` reads them, and a small dataset is prepared as a whole.

*On*

```json
{"datasets": {
  "web": {"source": true},
  "chat/128": {"source": true},
  "sums": {"source": true, "obstacle": ["sums.jsonl:1: field 'text' must be text, not int", "mend the record"]}
}}
```

*Bad*

```yaml
training:
  pre_lora_dataset:
  - [{name: sums, rate: 1.0, style: PMD}]
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD}]
```

*Fix.* Mend the files, or name the fields that they have under data/sources; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import entries
from schema.rules.pairs_not_contrastive import unfit
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR227"
SLUG = "data-refused"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what is in the way of each dataset whose text is there, once, where its source stands."""
    seen = set()
    styles = tuple(told[0] for entry in entries(document) if (told := unfit(document, entry)))  # LR241 says it
    for entry in entries(document):
        found = entry.dataset
        if found is None or found.obstacle is None or not (found.source or found.store) or entry.key[:2] in seen:
            continue
        seen.add(entry.key[:2])
        if found.obstacle.message.endswith(styles):
            continue
        source = f"data/sources/{entry.name}"
        where = found.obstacle.key or (source if document.given(source) else entry.path)
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(where), found.obstacle.message, found.obstacle.remedy)
