"""A target of the adapters matches only norms and biases.

*Why it is bad.* Adapters sit on matrices: a vector is as small as an adapter would be, and gets none. What was named
would not be trained, without a word.

*Bad*

```yaml
optimization:
  lora:
    target_modules: [attn, mlp, bias]
```

*Good*

```yaml
optimization:
  lora:
    target_modules: [attn, mlp]
```

*Fix.* Remove the target, or name a matrix. Nothing is written, since what was wanted can't be had.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.families import matches
from schema.rules._adapters import TARGETS, matrices, named, parts
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join, quote

CODE = "LR302"
SLUG = "target-only-vectors"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the kinds of parameters that each target matches."""
    every = named(document)
    for index, target in enumerate(document.value(TARGETS)):
        found = [parameter for parameter in every if matches(parameter.path, [target])]
        if not found or matrices(found, target):
            continue
        example = found[0].path + (f" and {len(found) - 1} more" if len(found) > 1 else "")
        message = f"{quote(target)} matches only norms and biases ({example}), and adapters sit on matrices"
        remedy = f"name matrices: {join(parts(every, matrices(every, '')), 'or')}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(f"{TARGETS}[{index}]"), message, remedy)
