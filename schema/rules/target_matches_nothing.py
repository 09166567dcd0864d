"""A target of the adapters matches no parameter.

*Why it is bad.* Those who wrote it expect adapters there; without a word, the others alone would be trained.

*Bad*

```yaml
optimization:
  lora:
    target_modules: [q_prj]
```

*Good*

```yaml
optimization:
  lora:
    target_modules: [q_proj]
```

*Fix.* Write a part of a parameter's path; the nearest are offered.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Severity
from schema.document import Document
from schema.footprint import parameters
from schema.wording import join, nearest, quote

CODE = "LR301"
SLUG = "target-matches-nothing"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare each target with the paths of the parameters, which follow from the architecture keys."""
    targets = document.value("optimization/lora/target_modules")
    family = document.value("architecture/family")
    paths = [parameter.path for parameter in parameters(document.view("architecture"))]
    for index, target in enumerate(targets):
        if any(target in path for path in paths):
            continue
        segments = list(dict.fromkeys(segment for path in paths for segment in path.split("/")))
        near = nearest(target, segments) or nearest(target, paths)
        remedy = f"write {join(near, 'or')}" if near else f"write a part of a path: {join(segments, 'or')}"
        where = document.span(f"optimization/lora/target_modules[{index}]")
        message = f"{quote(target)} matches no parameter of {family}"
        yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy)
