"""A rate is zero or negative.

*Why it is bad.* A dataset that provides no rows should not stand in the mixture, and a negative share has no meaning.

*Bad*

```yaml
training:
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
    - {name: code, rate: 0.0, style: PMD}
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```

*Fix.* `--unsafe-fixes` removes the entry, unless it is the only one.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.document.mixtures import written_mixtures
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import quote

CODE = "LR202"
SLUG = "rate-not-positive"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at every rate."""
    for path, entries in written_mixtures(document):
        for index, entry in enumerate(entries):
            if entry["rate"] <= 0:
                message = f"{path}[{index}]: the rate of {quote(entry['name'])} is {entry['rate']:g}"
                where = document.span(f"{path}[{index}]/rate")
                remedy, removed = "give it a rate above 0", None
                if len(entries) > 1:
                    remedy = f"remove the entry, or {remedy}"
                    removed = fix(document.edits.remove(parse(f"{path}[{index}]")), safe=False)
                yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy, fix=removed)
