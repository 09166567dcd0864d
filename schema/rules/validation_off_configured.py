"""Validation is off, and its interval or its rows are set.

*Why it is good to know.* The keys do nothing; perhaps validation was switched off for a trial and forgotten.

*Bad*

```yaml
training:
  validation: false
```

*Good*

```yaml
training:
  validation: true
```

*Fix.* Remove the keys, which `--unsafe-fixes` does, or switch validation on.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR604"
SLUG = "validation-off-configured"
SEVERITY = Severity.INFO


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for keys that only validation reads; evaluations read training/validation_steps too."""
    if document.value("training/validation"):
        return
    evaluates = document.value("training/evaluate") and document.length("eval/evaluations")
    for path in ("logging/validation_interval", *(() if evaluates else ("training/validation_steps",))):
        if document.given(path):
            message = f"{path} is set, and training/validation is false"
            written = fix(document.edits.remove(parse(path)), safe=False)
            remedy = "remove it, or set training/validation to true"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=written)
