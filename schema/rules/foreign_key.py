"""A key of a schedule or an optimizer that this run does not use.

*Why it is bad.* It has no effect, and whoever wrote it expects one.

*Bad*

```yaml
optimization:
  constant_pct: 0.02
```

*Good*

```yaml
optimization:
  schedule: wsd
```

*Fix.* Remove it, which `--unsafe-fixes` does. While the schedule or the optimizer itself is refused, its keys are not
judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.check.findings import Unavailable, show
from schema.document import Document
from schema.rules._field import FOREIGN
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR406"
SLUG = "foreign-key"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Report the unknown keys that belong to something else."""
    unsure = False
    for problem in document.problems:
        path = show(problem.path)
        if problem.slug != "unknown-key" or path not in FOREIGN:
            continue
        if not document.available(f"optimization/{FOREIGN[path].kind}"):
            unsure = True
        else:
            written = fix(document.edits.remove(problem.path), safe=False)
            message = f"{path} belongs to {FOREIGN[path]}, which this run does not use"
            yield Diagnostic(CODE, SLUG, SEVERITY, problem.span, message, "remove it", fix=written)
    if unsure:
        raise Unavailable("optimization")
